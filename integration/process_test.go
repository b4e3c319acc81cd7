package integration

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a run of the binary, or of another program made of the bundle.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	logs    *logBuffer
	done    chan struct{}
	code    int
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs a pipeline; its metrics are served at address.
func start(t *testing.T, config string) *process {
	t.Helper()
	address := freeAddress(t)
	return startArgs(t, address, "run", writeConfig(t, fmt.Sprintf("http: { address: %q }\n%s", address, config)))
}

func startArgs(t *testing.T, address string, args ...string) *process {
	t.Helper()
	return startProgram(t, binary, address, args...)
}

// readFolders reads every folder of the repository. The go command keeps the results
// of tests, and does not see what they build; it does see whether anything has changed
// in a folder that a test has read.
var readFolders = sync.OnceValue(func() error {
	return filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != ".." && strings.HasPrefix(d.Name(), ".") && d.IsDir() {
			return fs.SkipDir
		}
		return err
	})
})

func startProgram(t *testing.T, program, address string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	return startCommand(t, address, cmd)
}

func startCommand(t *testing.T, address string, cmd *exec.Cmd) *process {
	t.Helper()
	require.NoError(t, readFolders())
	p := &process{t: t, cmd: cmd, address: address, logs: &logBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.logs, p.logs
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			logs := p.logs.String()
			t.Logf("the end of the log of %s:\n%s", strings.Join(cmd.Args, " "), logs[max(0, len(logs)-4000):])
		}
	})
	return p
}

func writeConfig(t *testing.T, config string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipeline.yaml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	return path
}

// wait waits until the process ends by itself, and returns its exit code.
func (p *process) wait(timeout time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(timeout):
		require.FailNow(p.t, "the process did not end by itself")
	}
	return p.code
}

// stop ends the process as an operator would.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.wait(90 * time.Second)
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// metrics returns what Prometheus would get; nothing from a process that is not up.
func (p *process) metrics() string {
	resp, err := http.Get("http://" + p.address + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return string(text)
}

// metric adds up the values of a metric whose labels contain all of the texts.
func (p *process) metric(name string, labels ...string) int {
	sum := 0
	for line := range strings.Lines(p.metrics()) {
		if m := metricLine.FindStringSubmatch(line); m != nil && m[1] == name && containsAll(m[2], labels) {
			v, err := strconv.ParseFloat(m[3], 64)
			require.NoError(p.t, err)
			sum += int(v)
		}
	}
	return sum
}

// counts waits until a metric is as wanted: what is counted is told a little later.
func (p *process) counts(want int, name string, labels ...string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.metric(name, labels...) == want }, 30*time.Second, tick,
		"%s %v is not %d", name, labels, want)
}

var metricLine = regexp.MustCompile(`^([a-z_]+)\{(.*)\} (\S+)`)

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// peakRSS returns the largest resident size so far, in bytes.
func (p *process) peakRSS() int {
	p.t.Helper()
	return peakRSSOf(p.t, p.cmd.Process.Pid)
}

func peakRSSOf(t *testing.T, pid int) int {
	t.Helper()
	return residentOf(t, pid, "VmHWM")
}

// residentOf returns a line of the status of a process: VmRSS is its resident size, and
// VmHWM the largest that it had.
func residentOf(t *testing.T, pid int, line string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	m := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kb, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return kb << 10
}
