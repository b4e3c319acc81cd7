package integration

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flagStage runs command lines in a home of their own.
type flagStage struct {
	t          *testing.T
	home, file string
	// temp is where temporary files go.
	temp string
}

// newFlagStage writes a file with two workflows, of which one is whole.
func newFlagStage(t *testing.T, s *s3Server, second string) *flagStage {
	t.Helper()
	stage := &flagStage{t: t, home: t.TempDir(), temp: t.TempDir()}
	stage.file = filepath.Join(stage.home, ".config", "ingest", "config")
	require.NoError(t, os.MkdirAll(filepath.Dir(stage.file), 0o755))
	require.NoError(t, os.WriteFile(stage.file, fmt.Appendf(nil, `
sources: [ { name: a, type: s3, endpoint: %q, insecure: true, bucket: one, accessKeyID: %s, secretAccessKey: $SECRET } ]
destinations: [ { name: b, type: s3, endpoint: %[1]q, insecure: true, bucket: two, accessKeyID: %[2]s, secretAccessKey: %[3]s } ]
workflows:
- { name: w, source: a, destinations: [ b ] }
%[4]s`, s.endpoint, accessKey, secretKey, second), 0o600))
	return stage
}

func (s *flagStage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = s.home
	cmd.Env = append(os.Environ(), "HOME="+s.home, "TMPDIR="+s.temp, "SECRET="+secretKey)
	return cmd
}

func (s *flagStage) start(args ...string) *process {
	s.t.Helper()
	address := freeAddress(s.t)
	return startCommand(s.t, address, s.command(append(args, "--listen", address)...))
}

// fails runs a command line that must end by itself with a failure.
func (s *flagStage) fails(args ...string) string {
	s.t.Helper()
	p := startCommand(s.t, "", s.command(args...))
	require.NotZero(s.t, p.wait(30*time.Second), "%v", args)
	assert.NotContains(s.t, p.logs.String(), secretKey)
	return p.logs.String()
}

func (s *flagStage) succeeds(args ...string) string {
	s.t.Helper()
	p := startCommand(s.t, "", s.command(args...))
	require.Zero(s.t, p.wait(30*time.Second), "%v: %s", args, p.logs)
	return p.logs.String()
}

// TestWorkflowFlagsOfTheQueue looks for what flags say on the server.
func TestWorkflowFlagsOfTheQueue(t *testing.T) {
	t.Parallel()
	s3, n := startVersityGW(t), startNATS(t)
	s3.bucket("one")
	s3.bucket("two")
	putAll(t, s3, "one", small(3, "o"))
	s := newFlagStage(t, s3, "")
	queue := []string{"--queue-endpoint", n.url, "--stream", "work", "--subject", "moves.all", "--consumer", "movers", "--max-msgs", "1000"}
	p := s.start(append(queue, "--mode", "enqueue")...)
	require.Eventually(t, func() bool { return n.count(t, "work") == 3 }, time.Minute, tick)
	stream, err := n.js.Stream(t.Context(), "work")
	require.NoError(t, err)
	assert.EqualValues(t, 1000, stream.CachedInfo().Config.MaxMsgs)
	eachMessage(t, n, "work", func(m *jetstream.RawStreamMsg) {
		assert.True(t, strings.HasPrefix(m.Subject, "moves.all.w."), m.Subject)
	})
	stopped(t, p)

	p = s.start(append(queue, "--mode", "dequeue")...)
	awaitKeys(t, s3, "two", 3)
	_, err = n.js.Consumer(t.Context(), "work", "movers__w")
	require.NoError(t, err)
	stopped(t, p)

	p = s.start("--mode=enqueue", "--queue-endpoint", n.url, "--stream=replicated", "--stream-replicas=3")
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), "replicas") }, 30*time.Second, tick, "one server cannot have three replicas")
	p.kill()
}

func TestWorkflowFlagsOfTheProcess(t *testing.T) {
	t.Parallel()
	s3 := startVersityGW(t)
	s3.bucket("one")
	s3.bucket("two")
	s := newFlagStage(t, s3, "- { name: lost, source: nowhere, destinations: [ b ] }\n")

	// --strict-workflows, and the default of --config.
	assert.Contains(t, s.fails("--mode=all"), s.file+": line 6: workflow lost: unknown source nowhere")
	p := s.start("--mode=all", "--strict-workflows=false", "--store-dir", "here", "--log-level", "debug")
	require.Eventually(t, func() bool { return p.metric("ingest_workflow_instantiation_failures_total") == 1 }, 30*time.Second, tick)
	assert.Contains(t, p.logs.String(), "workflow lost is skipped")
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(s.home, "here"))
		return err == nil
	}, 30*time.Second, tick, "--store-dir")
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), `"level":"debug"`) }, 30*time.Second, tick, "--log-level=debug")

	// What is run holds no secrets.
	written := 0
	require.NoError(t, filepath.WalkDir(s.temp, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		written++
		text, err := os.ReadFile(path)
		assert.NotContains(t, string(text), secretKey, path)
		return err
	}))
	assert.Equal(t, 3, written)

	// --listen
	for _, path := range []string{"/ping", "/ready", "/metrics", "/debug/pprof/heap"} {
		require.Eventually(t, func() bool {
			resp, err := http.Get("http://" + p.address + path)
			return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
		}, 30*time.Second, tick, path)
	}
	resp, err := http.Get("http://" + p.address + "/streams")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusNotFound, resp.StatusCode, "nobody can change what runs")
	assert.Contains(t, s.fails("--mode=all", "--strict-workflows=false", "--listen", p.address), "listening on "+p.address)
	stopped(t, p)
	assert.NotContains(t, p.logs.String(), secretKey)
	left, err := os.ReadDir(s.temp)
	require.NoError(t, err)
	assert.Empty(t, left)

	s = newFlagStage(t, s3, "")
	putAll(t, s3, "one", small(1, "o"))
	p = s.start("--mode=all", "--log-level=none")
	p.awaitReady()
	stopped(t, p)
	assert.Empty(t, p.logs.String(), "--log-level=none")
	assert.Contains(t, s.fails("--mode=all", "--log-level=loud"), `log level "loud" is unknown`)

	p = s.start("--mode=all", "--log-level=all")
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), `"level":"trace"`) }, 30*time.Second, tick, "--log-level=all")
	p.awaitReady()
	stopped(t, p)
	p = s.start("--mode=enqueue", "--log-level=error", "--queue-endpoint", "nats://"+freeAddress(t))
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), `"level":"error"`) }, 30*time.Second, tick, "--log-level=error")
	stopped(t, p)
	assert.NotContains(t, p.logs.String(), `"level":"info"`, "--log-level=error")
	p = s.start("--mode=all", "--log-level=warn", "--until-done")
	assert.Zero(t, p.wait(time.Minute))
	assert.NotContains(t, p.logs.String(), `"level":"info"`, "--log-level=warn")
}

func TestWorkflowFlagsThatEnd(t *testing.T) {
	t.Parallel()
	s3 := startVersityGW(t)
	s3.bucket("one")
	s := newFlagStage(t, s3, "")

	assert.Contains(t, s.fails("--mode=sideways"), `unsupported mode "sideways"`)
	assert.Contains(t, s.fails("--config", s.file, "--stream=work"), `unsupported mode ""`)
	assert.Contains(t, s.fails("--config", "/nowhere", "--mode=all"), "/nowhere")

	// --dry-run
	out := s.fails("--dry-run")
	assert.Contains(t, out, "bucket two does not exist")
	assert.NoDirExists(t, filepath.Join(s.home, "ingest-queue"))
	s3.bucket("two")
	putAll(t, s3, "one", small(1, "o"))
	out = s.succeeds("--mode=all", "--dry-run")
	assert.Contains(t, out, "would scan")
	assert.NoDirExists(t, filepath.Join(s.home, "ingest-queue"))
	assert.Empty(t, s3.keys("two"))

	// --plugins
	text, err := os.ReadFile(s.file)
	require.NoError(t, err)
	other := filepath.Join(s.home, "other")
	require.NoError(t, os.WriteFile(other, []byte(strings.Replace(string(text), "name: b, type: s3", "name: b, type: ftp", 1)), 0o600))
	assert.Contains(t, s.fails("--mode=all", "--config", other, "--plugins=/p1,/p2"), "there is no plugin of that name in /p1, /p2")

	// --env-file
	env := filepath.Join(s.home, "env")
	require.NoError(t, os.WriteFile(env, []byte("SECRET=another\n"), 0o600))
	assert.Contains(t, s.fails("--dry-run", "--env-file", env), "SignatureDoesNotMatch")

	// --version, -h
	assert.Regexp(t, `^\S+`, s.succeeds("--mode=all", "--version"))
	help := s.succeeds("--mode=all", "-h")
	for _, flag := range []string{
		"config", "plugins", "queue-endpoint", "stream", "stream-replicas", "subject", "consumer", "max-msgs",
		"listen", "log-level", "dry-run", "strict-workflows", "version", "mode",
	} {
		assert.Contains(t, help, "--"+flag+" ", flag)
	}
	assert.Contains(t, s.succeeds("--help"), "--mode=all")

	// A destination inside its own source is refused, as by ingest streams.
	require.NoError(t, os.WriteFile(other, []byte(strings.Replace(string(text), "bucket: two", "bucket: one", 1)), 0o600))
	assert.Contains(t, s.fails("--mode=all", "--config", other), "line 5: workflow w: the destination")
}
