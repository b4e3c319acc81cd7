package outputs

import (
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLint(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	fanOut := func(more string) string {
		return "ingest_fan_out:\n  outputs:\n    - test_store: { name: x }\n" + more
	}
	queue := func(more string) string { return "ingest_queue:\n  subject: ingest.wf\n" + more }
	for name, tc := range map[string]struct{ yaml, says string }{
		"fan-out":                        {fanOut(""), ""},
		"fan-out with all":               {fanOut("  clean_up: true\n  webhook:\n    url: http://localhost:8080\n    required: true\n"), ""},
		"clean-up and never":             {"ingest_fan_out:\n  clean_up: true\n  outputs:\n    - test_store: { name: x, overwrite: never }\n", "clean_up with an output that has overwrite: never"},
		"never without clean-up":         {"ingest_fan_out:\n  outputs:\n    - test_store: { name: x, overwrite: never }\n", ""},
		"webhook of no URL":              {fanOut("  webhook:\n    url: localhost\n"), "a URL with http or https"},
		"webhook of none at once":        {fanOut("  webhook:\n    count: 0\n"), "at least 1"},
		"unknown field":                  {fanOut("  cleanup: true\n"), "cleanup"},
		"overwrite that is none":         {"test_store: { name: x, overwrite: sometimes }", "sometimes"},
		"queue":                          {queue(""), ""},
		"queue, wildcard":                {"ingest_queue: { subject: 'ingest.*' }", "a subject of words"},
		"queue, empty word":              {"ingest_queue: { subject: ingest..wf }", "a subject of words"},
		"queue, empty subject":           {"ingest_queue: { subject: '' }", "a subject of words"},
		"queue, no subject":              {"ingest_queue: {}", "subject"},
		"queue, stream with a dot":       {queue("  stream: a.b\n"), "letters, digits"},
		"queue, replicas":                {queue("  replicas: 6\n"), "a number from 0 to 5"},
		"queue, storage":                 {queue("  storage: tape\n"), "tape"},
		"queue, consumer is the input's": {queue("  consumer: x\n"), "consumer"},
	} {
		t.Run(name, func(t *testing.T) {
			lints, err := linter.LintOutputYAML([]byte(tc.yaml))
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
