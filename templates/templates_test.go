package templates

import (
	"fmt"
	"io/fs"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	names, err := fs.Glob(files, "*.yaml")
	require.NoError(t, err)
	for _, name := range names {
		texts[name], err = files.ReadFile(name)
		require.NoError(t, err)
	}
	require.Len(t, texts, 2)
	return texts
}

// Templates that are registered from Go are not linted by the engine.
func TestTemplatesLintAndPassTheirTests(t *testing.T) {
	tester := service.GlobalEnvironment().NewStreamTemplateTester()
	for name, text := range read(t) {
		t.Run(name, func(t *testing.T) {
			lints, err := tester.LintYAML(text)
			require.NoError(t, err)
			assert.Empty(t, lints)
			lints, err = tester.RunYAML(text)
			require.NoError(t, err)
			assert.Empty(t, lints, "its own tests")
		})
	}
}

func TestTemplatesLintTheirUse(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for name, tc := range map[string]struct {
		lint func([]byte) ([]service.Lint, error)
		yaml string
		says string
	}{
		"dequeue":                  {linter.LintInputYAML, "ingest_dequeue: { urls: [ nats://localhost:4222 ], subject: ingest.wf }", ""},
		"dequeue, with all":        {linter.LintInputYAML, "ingest_dequeue: { urls: [ nats://localhost:4222 ], subject: ingest.wf, stream: s, consumer: c }", ""},
		"dequeue, no subject":      {linter.LintInputYAML, "ingest_dequeue: { urls: [ nats://localhost:4222 ] }", "subject"},
		"dequeue, unknown field":   {linter.LintInputYAML, "ingest_dequeue: { urls: [ nats://localhost:4222 ], subject: ingest.wf, durable: x }", "durable"},
		"enqueue":                  {linter.LintOutputYAML, "ingest_enqueue: { urls: [ nats://localhost:4222 ], subject: ingest.wf }", ""},
		"enqueue, no such setting": {linter.LintOutputYAML, "ingest_enqueue: { urls: [ nats://localhost:4222 ], subject: ingest.wf, stream: s }", "stream"},
	} {
		t.Run(name, func(t *testing.T) {
			lints, err := tc.lint([]byte(tc.yaml))
			require.NoError(t, err)
			if tc.says == "" {
				assert.Empty(t, lints)
				return
			}
			require.NotEmpty(t, lints)
			assert.Contains(t, fmt.Sprint(lints), tc.says)
		})
	}
}
