package workflow_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/workflow"
)

var update = flag.Bool("update", false, "write the golden files anew")

var defaults = workflow.Queue{Stream: "ingest", Subject: "ingest", Consumer: "ingest"}

var another = workflow.Queue{
	Endpoint: "nats://user:planted@nats-0:4222,nats://nats-1:4222", Stream: "work", Subject: "a.b", Consumer: "c", Replicas: 3, MaxMsgs: 7,
}

// environment holds what is nasty in YAML, and in a pipeline.
var environment = map[string]string{
	"SOURCE": "from-env", "SECOND": "second", "PREFIX": "in", "KEY": "planted key", "SECRET": "planted\": ${SOURCE} #\\\n'{",
	"INSECURE": "true", "CLEAN_UP": "false", "WEBHOOK": "http://user:planted@localhost:8080",
}

func compile(t *testing.T, file string, q workflow.Queue, secrets workflow.Secrets, env map[string]string) (pipelines []workflow.Pipeline, vars map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file+".yaml"))
	require.NoError(t, err)
	f, err := workflow.Parse(text, workflow.Options{LookupEnv: lookupIn(env), AllowUnset: true})
	require.NoError(t, err)
	return f.Compile(workflow.All, q, secrets)
}

func joined(pipelines []workflow.Pipeline) string {
	var all bytes.Buffer
	for _, p := range pipelines {
		all.WriteString("--- " + p.Name + "\n")
		all.Write(p.Text)
	}
	return all.String()
}

// The golden files show what files of workflows become. go test -update writes them.
func TestCompileGolden(t *testing.T) {
	for name, tc := range map[string]struct {
		file    string
		queue   workflow.Queue
		secrets workflow.Secrets
	}{
		"readme-masked":    {"readme", defaults, workflow.Masked},
		"readme-kept":      {"readme", another, workflow.Kept},
		"readme-hidden":    {"readme", another, workflow.Hidden},
		"variables-masked": {"variables", defaults, workflow.Masked},
		"variables-hidden": {"variables", defaults, workflow.Hidden},
	} {
		t.Run(name, func(t *testing.T) {
			pipelines, vars := compile(t, tc.file, tc.queue, tc.secrets, environment)
			got := joined(pipelines)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
			if tc.secrets != workflow.Kept {
				assert.NotContains(t, got, "planted")
				assert.NotContains(t, got, "secret_access_key: secret\n")
			}
			lookup := func(_ context.Context, name string) (string, bool) {
				if v, ok := vars[name]; ok {
					return v, true
				}
				return lookupIn(environment)(name)
			}
			if name == "variables-masked" {
				// The secret does not go into text, which Hidden is for.
				return
			}
			for _, p := range pipelines {
				lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().SetEnvVarLookupFunc(lookup).SetSkipEnvVarCheck(true).LintYAML(p.Text)
				require.NoError(t, err, p.Name)
				assert.Empty(t, lints, p.Name)
			}
		})
	}
}
