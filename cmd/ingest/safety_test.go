package main

import (
	"os"
	"path/filepath"
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
