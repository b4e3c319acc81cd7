package workflow_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

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

// Values reach the pipelines as they are, whatever is in them.
func TestCompileHiddenValues(t *testing.T) {
	pipelines, vars := compile(t, "variables", another, workflow.Hidden, environment)
	text := regexp.MustCompile(`\$\{(INGEST_WORKFLOW_FILE_\d+)\}`).ReplaceAllFunc(pipelines[0].Text, func(m []byte) []byte {
		value, ok := vars[string(m[2:len(m)-1])]
		assert.True(t, ok, "%s", m)
		return []byte(value)
	})
	var enqueue struct {
		Input struct {
			S3 map[string]any `yaml:"ingest_s3"`
		}
		Output struct {
			Queue struct{ URLs []string } `yaml:"ingest_queue"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &enqueue), "%s", text)
	assert.Equal(t, map[string]any{
		"bucket": "a-bucket", "prefix": "in/", "recursive": false,
		"access_key_id": environment["KEY"], "secret_access_key": environment["SECRET"],
	}, enqueue.Input.S3)
	assert.Equal(t, []string{"nats://user:planted@nats-0:4222", "nats://nats-1:4222"}, enqueue.Output.Queue.URLs)
}

// Prefixes are joined with names as path.Join does it, which is how the original
// makes keys.
func TestCompilePrefixes(t *testing.T) {
	for given, want := range map[string]string{
		`"a"`: "a/", `"a/"`: "a/", `"a//b"`: "a/b/", `"./"`: "", `""`: "", `$SLASH`: "s/", `$BARE`: "b/", `$EMPTY`: "", `x/$BARE`: "x/b/",
	} {
		env := map[string]string{"SLASH": "s/", "BARE": "b", "EMPTY": ""}
		file, err := workflow.Parse([]byte(strings.Replace(good, "bucket: copy", "bucket: copy\n  prefix: "+given, 1)), workflow.Options{LookupEnv: lookupIn(env)})
		require.NoError(t, err, given)
		pipelines, vars := file.Compile(workflow.Dequeue, defaults, workflow.Hidden)
		var dequeue struct {
			Output struct {
				FanOut struct {
					Outputs []struct {
						S3 struct{ Prefix string } `yaml:"ingest_s3"`
					}
				} `yaml:"ingest_fan_out"`
			}
		}
		text := string(pipelines[0].Text)
		for name, value := range vars {
			text = strings.ReplaceAll(text, "${"+name+"}", value)
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &dequeue), text)
		assert.Equal(t, want, dequeue.Output.FanOut.Outputs[0].S3.Prefix, given)
	}
}

func TestCompileLeavesDefaultsOut(t *testing.T) {
	file, err := parse(t, strings.Replace(good, "bucket: source", "bucket: source\n  insecure: false\n  recursive: true\n  region: eu", 1))
	require.NoError(t, err)
	pipelines, _ := file.Compile(workflow.Enqueue, defaults, workflow.Masked)
	text := string(pipelines[0].Text)
	assert.NotContains(t, text, "insecure")
	assert.NotContains(t, text, "recursive")
	assert.Contains(t, text, "region: eu")
}
