package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDangersOfVariablesInFiles has the buckets of a configuration in a file of
// variables.
func TestDangersOfVariablesInFiles(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`
input: { ingest_s3: { endpoint: localhost, bucket: "${SAFETY_TEST_FROM}" } }
output: { ingest_s3: { endpoint: localhost, bucket: "${SAFETY_TEST_TO}" } }
`), 0o600))
	variables := filepath.Join(dir, "variables.env")
	for _, flags := range [][]string{{"-e", variables}, {"--env-file=" + variables}} {
		for to, dangers := range map[string]int{"a": 1, "b": 0} {
			// They are set back after the test.
			t.Setenv("SAFETY_TEST_FROM", "")
			t.Setenv("SAFETY_TEST_TO", "")
			require.NoError(t, os.WriteFile(variables, []byte("SAFETY_TEST_FROM=a\nSAFETY_TEST_TO="+to+"\n"), 0o600))
			line, err := readCommandLine(append(append([]string{"ingest", "run"}, flags...), config))
			require.NoError(t, err)
			assert.Len(t, findDangers(line), dangers, "%s, to %s", flags, to)
		}
	}
}

// TestVariablesThatAreNotSet are told with file and line, which the engine does not do.
func TestVariablesThatAreNotSet(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`
input: { generate: { mapping: root = "" } }
output:
  # ${NO_SUCH_IN_A_COMMENT}
  file: { path: "${NO_SUCH_VARIABLE}/${NO_SUCH_WITH_DEFAULT:x}", codec: lines }
`), 0o600))
	told := config + "(5,1) environment variable NO_SUCH_VARIABLE is not set: export it, name a file that has it with --env-file, or give it a default: ${NO_SUCH_VARIABLE:default}"
	for command, want := range map[string][]string{
		"run": {told}, "streams": {told}, "streams -r": {told}, "lint": {told}, "lint --skip-env-var-check": nil, "run --chilled": nil,
	} {
		line, err := readCommandLine(append(append([]string{"ingest"}, strings.Fields(command)...), config))
		require.NoError(t, err)
		var got []string
		for _, f := range findDangers(line) {
			got = append(got, f.String())
		}
		assert.Equal(t, want, got, command)
	}
}
