package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// workflowStage is what the workflow of the original's README is run on.
type workflowStage struct {
	t            *testing.T
	source, dest *s3Server
	objects      []object
	file         string
	mu           sync.Mutex
	told         []string
}

// readmeWorkflow is the file of the original's README, with other endpoints and
// credentials, and a shorter interval.
func readmeWorkflow(t *testing.T, interval string) *workflowStage {
	t.Helper()
	s := &workflowStage{t: t, source: startMinIO(t), dest: startMinIO(t)}
	s.source.bucket("source")
	s.dest.bucket("destination")
	for i := range 20 {
		s.objects = append(s.objects, object{key: fmt.Sprintf("o%02d", i), size: int64(i) << 10})
		in := s.objects[i]
		in.key = "prefix/" + in.key
		_, err := s.source.Client.PutObject(t.Context(), "source", in.key, s.objects[i].reader(), in.size, minio.PutObjectOptions{})
		require.NoError(t, err)
	}
	// Without recursive, this one is left alone.
	require.NoError(t, object{key: "prefix/beneath/a/slash", size: 1}.put(t.Context(), s.source, "source"))
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var uris []string
		_ = json.NewDecoder(r.Body).Decode(&uris)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, uris...)
		assert.Len(t, uris, 1, "batchSize is 1")
	}))
	t.Cleanup(hook.Close)
	s.file = filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(s.file, fmt.Appendf(nil, `
sources:
- name: foo_1
  type: s3
  endpoint: %s
  insecure: true
  bucket: source
  prefix: prefix/
  accessKeyID: %s
  secretAccessKey: $PLANTED
destinations:
- name: bar_1
  type: s3
  endpoint: %s
  insecure: true
  bucket: destination
  prefix: prefix1/
  metafilesPrefix: meta/
  accessKeyID: %s
  secretAccessKey: ${PLANTED}
workflows:
- name: foo_1-bar_1
  source: foo_1
  destinations:
  - bar_1
  batchSize: 1
  interval: %s
  cleanUp: true
  webhook: %s
`, s.source.endpoint, accessKey, s.dest.endpoint, accessKey, interval, hook.URL), 0o600))
	return s
}

// start runs a command line on the file.
func (s *workflowStage) start(args ...string) *process {
	s.t.Helper()
	address := freeAddress(s.t)
	if args[0] != "streams" {
		args = append(args, "--listen", address)
	}
	cmd := s.command(args...)
	cmd.Dir = s.t.TempDir()
	return startCommand(s.t, address, cmd)
}

func (s *workflowStage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "PLANTED="+secretKey, "HOME="+filepath.Dir(s.file))
	return cmd
}

// moved waits until the file has done what it says.
func (s *workflowStage) moved() {
	s.t.Helper()
	var want []string
	for _, o := range s.objects {
		want = append(want, "s3://destination/prefix1/"+o.key)
	}
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.ElementsMatch(c, want, s.told)
	}, time.Minute, tick)
	copies := s.dest.keys("destination")
	assert.Len(s.t, copies, 2*len(s.objects))
	for _, o := range s.objects {
		assert.Contains(s.t, copies, "meta/"+o.key+".done")
		got, err := s.dest.Client.GetObject(context.Background(), "destination", "prefix1/"+o.key, minio.GetObjectOptions{})
		require.NoError(s.t, err)
		body, err := io.ReadAll(got)
		require.NoError(s.t, err)
		content, err := io.ReadAll(o.reader())
		require.NoError(s.t, err)
		assert.Equal(s.t, content, body, o.key)
	}
	left := s.source.keys("source")
	assert.Len(s.t, left, 1, "the source is cleaned up")
	assert.Contains(s.t, left, "prefix/beneath/a/slash")
}

func TestWorkflowInTwoProcesses(t *testing.T) {
	t.Parallel()
	s, n := readmeWorkflow(t, "300s"), startNATS(t)
	enqueue := s.start("--mode=enqueue", "--config", s.file, "--queue-endpoint", n.url)
	dequeue := s.start("--mode=dequeue", "--config="+s.file, "--queue-endpoint="+n.url)
	s.moved()
	drained(t, n, time.Minute)
	ofWorkflow := []string{`workflow="foo_1-bar_1"`, `source="foo_1"`}
	ofDestination := append([]string{`destination="bar_1"`, `plugin="s3"`}, ofWorkflow...)
	enqueue.counts(1, "ingest_enqueue_attempts_total", append(ofWorkflow, `result="success"`)...)
	enqueue.counts(len(s.objects), "ingest_queue_operations_total", append(ofWorkflow, `operation="publish"`, `result="success"`)...)
	dequeue.counts(len(s.objects), "ingest_dequeue_attempts_total", append(ofWorkflow, `destination=""`, `result="success"`)...)
	for _, operation := range []string{"download", "cleanup"} {
		dequeue.counts(len(s.objects), "ingest_client_operations_total", append(ofWorkflow, `operation="`+operation+`"`, `result="success"`)...)
	}
	dequeue.counts(len(s.objects), "ingest_storage_operations_total", append(ofDestination, `operation="store"`, `result="success"`)...)
	dequeue.counts(len(s.objects), "ingest_storage_operation_duration_seconds_count", append(ofDestination, `operation="store"`)...)
	stopped(t, enqueue, dequeue)
	for _, p := range []*process{enqueue, dequeue} {
		assert.NotContains(t, p.logs.String(), secretKey)
	}
	_, err := n.js.Consumer(t.Context(), "ingest", "ingest__foo_1-bar_1")
	assert.NoError(t, err)
}

func TestWorkflowInOneProcess(t *testing.T) {
	t.Parallel()
	s := readmeWorkflow(t, "300s")
	p := s.start("--mode=all", "--config", s.file, "--until-done", "--progress=json")
	s.moved()
	assert.Zero(t, p.wait(time.Minute))
	assert.Contains(t, p.logs.String(), `"final":true`)
	assert.NotContains(t, p.logs.String(), secretKey)
}

// What is rendered lints, and does what the file does.
func TestWorkflowRendered(t *testing.T) {
	t.Parallel()
	s := readmeWorkflow(t, "300s")
	dir := filepath.Join(t.TempDir(), "pipelines")
	out, err := s.command("workflow", "render", "--output", dir, "--store-dir", filepath.Join(t.TempDir(), "queue"), s.file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		assert.NotContains(t, string(text), secretKey)
	}
	out, err = s.command(append([]string{"lint"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Empty(t, out)
	p := s.start(append([]string{"streams", "--no-api", "--until-done", "--set", "http.enabled=false"}, files...)...)
	s.moved()
	assert.Zero(t, p.wait(time.Minute))
}

// What is printed holds no secret, and is all that the file says.
func TestWorkflowRenderPrints(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	require.NoError(t, os.WriteFile(file, []byte(`
sources: [ { name: a, type: s3, bucket: one, accessKeyID: id, secretAccessKey: planted } ]
destinations: [ { name: b, type: s3, bucket: two, accessKeyID: id, secretAccessKey: $SECRET } ]
workflows: [ { name: w, source: a, destinations: [ b ] } ]
`), 0o600))
	out := output(t, "workflow", "render", "--queue-endpoint", "nats://me:planted@nats:4222", "--stream", "work",
		"--subject", "moves", "--consumer", "movers", "--stream-replicas", "3", "--max-msgs", "1000", file)
	assert.NotContains(t, out, "planted")
	for _, want := range []string{
		"secret_access_key: ${A_SECRET_ACCESS_KEY}", "secret_access_key: ${SECRET}", "${QUEUE_ENDPOINT}", "stream: work",
		"subject: moves.w", "consumer: movers__w", "replicas: 3", "max_msgs: 1000", "\n---\n", "interval: 5m", "prefetch: 8", "recursive: false",
	} {
		assert.Contains(t, out, want)
	}
	enqueue := output(t, "workflow", "render", "--mode=enqueue", file)
	assert.Contains(t, enqueue, "nats://localhost:4222")
	assert.NotContains(t, enqueue, "ingest_fan_out")
	assert.NotContains(t, output(t, "workflow", "render", "--mode=all", file), "nats://")
}
