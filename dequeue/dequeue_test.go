package dequeue_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/dequeue"
	"github.com/ingest-bundle/ingest/queue"
)

// notes is a Client of contents by ID.
type notes struct {
	mu   sync.Mutex
	have map[string]string
}

func (n *notes) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, ok := n.have[codec.ID]
	if !ok {
		return nil, ingest.NotFound(errors.New("no such note"))
	}
	return &ingest.Object{Len: int64(len(text)), Reader: strings.NewReader(text)}, nil
}

func (n *notes) CleanUp(_ context.Context, codec ingest.Codec) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.have, codec.ID)
	return nil
}

func (n *notes) left() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.have)
}

// shelf is a Destination in memory.
type shelf struct {
	name string
	mu   sync.Mutex
	has  map[string]string
	// before is called before something is stored, and can fail.
	before func(context.Context) error
}

func (s *shelf) Stat(_ context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	return nil, ingest.NotFound(errors.New("nothing there"))
}

func (s *shelf) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(obj.Reader)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has == nil {
		s.has = map[string]string{}
	}
	s.has[codec.Name] = string(text)
	return &ingest.Stored{URI: s.name + "://" + codec.Name, Len: int64(len(text)), Verified: true}, nil
}

func (s *shelf) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for k, v := range s.has {
		all[k] = v
	}
	return all
}

// filled returns the configuration of a queue that holds a message for each ID.
func filled(t *testing.T, ids ...string) (queue.Config, *queue.Queue) {
	t.Helper()
	cfg := queue.Config{
		Subject: "ingest.notes", Server: queue.Server{StoreDir: t.TempDir()},
		BackoffMin: 10 * time.Millisecond, BackoffMax: 20 * time.Millisecond,
	}
	q, err := queue.Open(t.Context(), cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })
	for _, id := range ids {
		require.NoError(t, q.Publish(t.Context(), ingest.NewCodec(id, id+".txt", nil), nil))
	}
	return cfg, q
}

// backlog returns how many messages the queue has left.
func backlog(t *testing.T, q ingest.Queue) int64 {
	t.Helper()
	sub, err := q.Subscribe(t.Context())
	require.NoError(t, err)
	defer sub.Close(context.Background()) //nolint:errcheck,contextcheck // the end of the test
	left, err := sub.Backlog(t.Context())
	require.NoError(t, err)
	return left.Pending + left.InFlight
}

// start runs a Dequeuer. The function that is returned stops it, and returns its error.
func start(t *testing.T, c ingest.Client, destinations []ingest.Destination, q queue.Opener, o dequeue.Options) (stop func() error) {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := dequeue.New(c, destinations, q, o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Dequeue(ctx) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-ended
	}
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 10*time.Millisecond)
}

func TestDequeue(t *testing.T) {
	var mu sync.Mutex
	var told []string
	webhook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var uris []string
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&uris))
		mu.Lock()
		defer mu.Unlock()
		told = append(told, uris...)
	}))
	t.Cleanup(webhook.Close)
	cfg, q := filled(t, "a", "b", "gone")
	client := &notes{have: map[string]string{"a": "first", "b": ""}}
	one, two := &shelf{name: "one"}, &shelf{name: "two"}
	reg := prometheus.NewRegistry()
	stop := start(t, client, []ingest.Destination{one, two}, cfg, dequeue.Options{
		Concurrency: 1, CleanUp: true, Webhook: webhook.URL, WebhookRequired: true, Metrics: reg,
	})
	eventually(t, func() bool { return client.left() == 0 })
	eventually(t, func() bool { return backlog(t, q) == 0 })
	require.NoError(t, stop())

	want := map[string]string{"a.txt": "first", "b.txt": ""}
	assert.Equal(t, want, one.all())
	assert.Equal(t, want, two.all())
	assert.ElementsMatch(t, []string{"one://a.txt", "two://a.txt", "one://b.txt", "two://b.txt"}, told)
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP ingest_client_operations_total See the documentation of ingest.
# TYPE ingest_client_operations_total counter
ingest_client_operations_total{operation="cleanup",result="error"} 0
ingest_client_operations_total{operation="cleanup",result="success"} 2
ingest_client_operations_total{operation="download",result="error"} 0
ingest_client_operations_total{operation="download",result="success"} 2
ingest_client_operations_total{operation="download",result="vanished"} 1
# HELP ingest_dequeue_attempts_total See the documentation of ingest.
# TYPE ingest_dequeue_attempts_total counter
ingest_dequeue_attempts_total{result="error"} 0
ingest_dequeue_attempts_total{result="success"} 3
# HELP ingest_storage_bytes_total See the documentation of ingest.
# TYPE ingest_storage_bytes_total counter
ingest_storage_bytes_total{destination="0"} 5
ingest_storage_bytes_total{destination="1"} 5
# HELP ingest_storage_objects_total See the documentation of ingest.
# TYPE ingest_storage_objects_total counter
ingest_storage_objects_total{destination="0",result="stored"} 2
ingest_storage_objects_total{destination="0",result="vanished"} 1
ingest_storage_objects_total{destination="1",result="stored"} 2
ingest_storage_objects_total{destination="1",result="vanished"} 1
# HELP ingest_storage_operations_total See the documentation of ingest.
# TYPE ingest_storage_operations_total counter
ingest_storage_operations_total{destination="0",operation="copy",result="error"} 0
ingest_storage_operations_total{destination="0",operation="copy",result="success"} 0
ingest_storage_operations_total{destination="0",operation="delete",result="error"} 0
ingest_storage_operations_total{destination="0",operation="delete",result="success"} 0
ingest_storage_operations_total{destination="0",operation="stat",result="error"} 0
ingest_storage_operations_total{destination="0",operation="stat",result="success"} 4
ingest_storage_operations_total{destination="0",operation="store",result="error"} 0
ingest_storage_operations_total{destination="0",operation="store",result="success"} 2
ingest_storage_operations_total{destination="1",operation="copy",result="error"} 0
ingest_storage_operations_total{destination="1",operation="copy",result="success"} 0
ingest_storage_operations_total{destination="1",operation="delete",result="error"} 0
ingest_storage_operations_total{destination="1",operation="delete",result="success"} 0
ingest_storage_operations_total{destination="1",operation="stat",result="error"} 0
ingest_storage_operations_total{destination="1",operation="stat",result="success"} 4
ingest_storage_operations_total{destination="1",operation="store",result="error"} 0
ingest_storage_operations_total{destination="1",operation="store",result="success"} 2
`), "ingest_client_operations_total", "ingest_dequeue_attempts_total", "ingest_storage_bytes_total",
		"ingest_storage_objects_total", "ingest_storage_operations_total"))
}

func TestDequeueKeepsTheSource(t *testing.T) {
	_, q := filled(t, "a")
	client := &notes{have: map[string]string{"a": "first"}}
	dest := &shelf{}
	stop := start(t, client, []ingest.Destination{dest}, queue.Opened(q), dequeue.Options{})
	eventually(t, func() bool { return len(dest.all()) == 1 && backlog(t, q) == 0 })
	require.NoError(t, stop())
	assert.Equal(t, 1, client.left())
}

func TestDequeueTriesAgain(t *testing.T) {
	cfg, q := filled(t, "a")
	failures := 2
	dest := &shelf{before: func(context.Context) error {
		if failures--; failures >= 0 {
			return errors.New("busy")
		}
		return nil
	}}
	stop := start(t, &notes{have: map[string]string{"a": "first"}}, []ingest.Destination{dest}, cfg, dequeue.Options{})
	eventually(t, func() bool { return backlog(t, q) == 0 })
	require.NoError(t, stop())
	assert.Equal(t, map[string]string{"a.txt": "first"}, dest.all())
}

func TestDequeueTellsOfDeadLetters(t *testing.T) {
	cfg, q := filled(t, "a")
	hopeless := errors.New("hopeless")
	dest := &shelf{before: func(context.Context) error { return ingest.Permanent(hopeless) }}
	stop := start(t, &notes{have: map[string]string{"a": "first"}}, []ingest.Destination{dest}, cfg, dequeue.Options{CleanUp: true})
	eventually(t, func() bool { return backlog(t, q) == 0 })
	require.ErrorContains(t, stop(), "hopeless")
}

func TestStopFinishesWhatIsInFlight(t *testing.T) {
	cfg, q := filled(t, "a")
	began, goOn := make(chan struct{}), make(chan struct{})
	dest := &shelf{before: func(context.Context) error {
		close(began)
		<-goOn
		return nil
	}}
	stop := start(t, &notes{have: map[string]string{"a": "first"}}, []ingest.Destination{dest}, cfg, dequeue.Options{})
	<-began
	time.AfterFunc(100*time.Millisecond, func() { close(goOn) })
	require.NoError(t, stop())
	assert.Equal(t, map[string]string{"a.txt": "first"}, dest.all())
	assert.Zero(t, backlog(t, q))
}

func TestStopGivesUpInTime(t *testing.T) {
	cfg, q := filled(t, "a")
	began := make(chan struct{}, 1)
	dest := &shelf{before: func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	stop := start(t, &notes{have: map[string]string{"a": "first"}}, []ingest.Destination{dest}, cfg,
		dequeue.Options{ShutdownTimeout: 300 * time.Millisecond})
	<-began
	begin := time.Now()
	_ = stop()
	assert.Less(t, time.Since(begin), 10*time.Second)
	assert.EqualValues(t, 1, backlog(t, q), "what is not finished goes back")
}

func TestDequeueWithoutAQueue(t *testing.T) {
	cfg := queue.Config{Subject: "ingest.notes", Server: queue.Server{URLs: []string{"nats://127.0.0.1:1"}}}
	d, err := dequeue.New(&notes{}, []ingest.Destination{&shelf{}}, cfg, dequeue.Options{})
	require.NoError(t, err)
	require.ErrorContains(t, d.Dequeue(t.Context()), "opening the queue")
}

func TestNewRefuses(t *testing.T) {
	cfg := queue.Config{Subject: "ingest.notes"}
	to := []ingest.Destination{&shelf{}}
	_, err := dequeue.New(nil, to, cfg, dequeue.Options{})
	require.ErrorContains(t, err, "Client")
	_, err = dequeue.New(&notes{}, nil, cfg, dequeue.Options{})
	require.ErrorContains(t, err, "Destination")
	_, err = dequeue.New(&notes{}, to, queue.Config{}, dequeue.Options{})
	require.ErrorContains(t, err, "subject")
}
