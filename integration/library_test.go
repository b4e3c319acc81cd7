package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLibraryProgram builds the program in docs/library.md, and runs both of its halves
// against real servers.
func TestLibraryProgram(t *testing.T) {
	t.Parallel()
	dest, n := startVersityGW(t), startNATS(t)
	dest.bucket("copy")
	program := buildDocument(t, "../docs/library.md")
	run := func(half string) *exec.Cmd {
		cmd := exec.Command(program, half)
		cmd.Env = append(os.Environ(), "NATS_URL="+n.url, "DESTINATION={ "+dest.fields("copy")+" }")
		return cmd
	}
	for range 2 {
		out, err := run("enqueue").CombinedOutput()
		require.NoError(t, err, string(out))
	}
	dequeuer := run("dequeue")
	var log strings.Builder
	dequeuer.Stderr = &log
	require.NoError(t, dequeuer.Start())
	t.Cleanup(func() { _ = dequeuer.Process.Kill() })
	drained(t, n, time.Minute)
	require.NoError(t, dequeuer.Process.Signal(syscall.SIGTERM))
	require.NoError(t, dequeuer.Wait(), log.String())
	keys := dest.keys("copy")
	assert.Len(t, keys, 2)
	for _, day := range []string{"monday", "tuesday"} {
		assert.EqualValues(t, len("nothing happened on "+day), keys["notes/"+day+".txt"].Size, day)
	}
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// buildDocument builds the Go program in a document, and returns its path.
func buildDocument(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var source strings.Builder
	for _, m := range goBlock.FindAllStringSubmatch(string(text), -1) {
		source.WriteString(m[1])
	}
	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(source.String()), 0o600))
	program := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-o", program, file).CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}
