package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCompletionInBash completes command lines as bash does.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	require.NoError(t, readFolders())
	const complete = `
set -eu
source <(ingest completion bash)
complete -p ingest >&2
read -ra COMP_WORDS <<<"$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_ingest
echo "${COMPREPLY[*]}"
`
	for line, want := range map[string]string{
		"ingest que":                                "queue",
		"ingest queue dead req":                     "requeue",
		"ingest completion ":                        "bash zsh fish powershell",
		"ingest create ingest_q":                    "ingest_queue",
		"ingest create ingest_s3/ingest_s":          "ingest_s3/ingest_s3",
		"ingest create stdin/x,ingest_s3/ingest_fa": "stdin/x,ingest_s3/ingest_fan_out",
		"ingest run --log.l":                        "--log.level",
		// A run must not begin, nor be refused, because somebody types its command line.
		"ingest run --log.level debug pipe": "",
		"ingest comple":                     "completion",
	} {
		cmd := exec.Command("bash", "-c", complete, "bash", line)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
		var told strings.Builder
		cmd.Stderr = &told
		out, err := cmd.Output()
		require.NoError(t, err, "%s: %s", line, &told)
		assert.Equal(t, want, strings.TrimSpace(string(out)), line)
		assert.Contains(t, told.String(), "-F _ingest ingest")
	}
}
