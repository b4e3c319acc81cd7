package enqueue_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/enqueue"
	"github.com/ingest-bundle/ingest/queue"
)

// listing is a Nexter of IDs. Its errors come one after the other, before the end.
type listing struct {
	ids    []string
	errs   []error
	resets int
	left   []string
	// atReset is called for every scan.
	atReset func(n int)
}

func (l *listing) Reset(context.Context) error {
	l.resets++
	l.left = l.ids
	if l.atReset != nil {
		l.atReset(l.resets)
	}
	return nil
}

func (l *listing) Next(context.Context) (*ingest.Codec, error) {
	if len(l.left) > 0 {
		codec := ingest.NewCodec(l.left[0], "name of "+l.left[0], nil)
		l.left = l.left[1:]
		return &codec, nil
	}
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return nil, io.EOF
}

func embedded(t *testing.T) queue.Config {
	t.Helper()
	return queue.Config{Subject: "ingest.notes", Server: queue.Server{StoreDir: t.TempDir()}}
}

// open opens a queue, and keeps the server in this process running until the end.
func open(t *testing.T, cfg queue.Config) *queue.Queue {
	t.Helper()
	q, err := queue.Open(t.Context(), cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// queued returns the names of what is in the queue.
func queued(t *testing.T, q ingest.Queue) []string {
	t.Helper()
	sub, err := q.Subscribe(t.Context())
	require.NoError(t, err)
	defer sub.Close(context.Background()) //nolint:errcheck,contextcheck // the end of the test
	backlog, err := sub.Backlog(t.Context())
	require.NoError(t, err)
	var names []string
	for range backlog.Pending + backlog.InFlight {
		popped, err := sub.Pop(t.Context(), 1)
		require.NoError(t, err)
		var codec ingest.Codec
		require.NoError(t, codec.Unmarshal(popped[0].Data()))
		names = append(names, codec.Name)
	}
	return names
}

func newEnqueuer(t *testing.T, n ingest.Nexter, q queue.Opener, o enqueue.Options) ingest.Enqueuer {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e, err := enqueue.New(n, q, o)
	require.NoError(t, err)
	return e
}

func TestEnqueue(t *testing.T) {
	cfg := embedded(t)
	q := open(t, cfg)
	e := newEnqueuer(t, &listing{ids: []string{"a", "b"}}, cfg, enqueue.Options{})
	require.NoError(t, e.Enqueue(t.Context()))
	require.NoError(t, e.Enqueue(t.Context()), "what is queued already is no error")
	assert.ElementsMatch(t, []string{"name of a", "name of b"}, queued(t, q))
}

func TestEnqueueIntoAnOpenQueue(t *testing.T) {
	q := open(t, embedded(t))
	require.NoError(t, newEnqueuer(t, &listing{ids: []string{"a"}}, queue.Opened(q), enqueue.Options{}).Enqueue(t.Context()))
	assert.Equal(t, []string{"name of a"}, queued(t, q), "the queue must stay open")
}

func TestEnqueueEveryInterval(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &listing{ids: []string{"a"}, atReset: func(n int) {
		if n == 3 {
			cancel()
		}
	}}
	require.NoError(t, newEnqueuer(t, l, embedded(t), enqueue.Options{Interval: 10 * time.Millisecond}).Enqueue(ctx))
	assert.Equal(t, 3, l.resets)
}

func TestEnqueueReturnsWhatFailedForGood(t *testing.T) {
	wrong := errors.New("wrong credentials")
	l := &listing{ids: []string{"a"}, errs: []error{ingest.Misconfigured(wrong)}}
	require.ErrorIs(t, newEnqueuer(t, l, embedded(t), enqueue.Options{}).Enqueue(t.Context()), wrong)

	l = &listing{ids: []string{"not UTF-8: \xff", "b"}}
	cfg := embedded(t)
	q := open(t, cfg)
	require.ErrorContains(t, newEnqueuer(t, l, cfg, enqueue.Options{}).Enqueue(t.Context()), "left out")
	assert.Equal(t, []string{"name of b"}, queued(t, q), "the rest is queued")
}

func TestEnqueueGoesOnAfterAnError(t *testing.T) {
	cfg := embedded(t)
	q := open(t, cfg)
	l := &listing{ids: []string{"a"}, errs: []error{errors.New("busy")}}
	require.NoError(t, newEnqueuer(t, l, cfg, enqueue.Options{}).Enqueue(t.Context()))
	assert.Equal(t, []string{"name of a"}, queued(t, q))
	assert.Equal(t, 1, l.resets)
}

// busy is a Nexter that fails always.
type busy struct{ err error }

func (b busy) Reset(context.Context) error                 { return b.err }
func (b busy) Next(context.Context) (*ingest.Codec, error) { return nil, b.err }

func TestEnqueueEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := newEnqueuer(t, busy{errors.New("busy")}, embedded(t), enqueue.Options{}).Enqueue(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "busy", "the error says what it was waiting for")
}

func TestEnqueueWithoutAQueue(t *testing.T) {
	cfg := queue.Config{Subject: "ingest.notes", Server: queue.Server{URLs: []string{"nats://127.0.0.1:1"}}}
	require.ErrorContains(t, newEnqueuer(t, &listing{}, cfg, enqueue.Options{}).Enqueue(t.Context()), "opening the queue")
}

func TestNewRefuses(t *testing.T) {
	_, err := enqueue.New(&listing{}, queue.Config{Subject: "a b"}, enqueue.Options{})
	require.ErrorContains(t, err, "subject")
	_, err = enqueue.New(&listing{}, nil, enqueue.Options{})
	require.ErrorContains(t, err, "queue")
	_, err = enqueue.New(&listing{}, queue.Config{Subject: "a"}, enqueue.Options{Inline: &enqueue.Inline{MaxBytes: 1}})
	require.ErrorContains(t, err, "Client")
	_, err = enqueue.New(nil, queue.Config{Subject: "a"}, enqueue.Options{})
	require.ErrorContains(t, err, "Nexter")
}

// letters is a Client whose contents are the IDs.
type letters struct{}

func (letters) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	return &ingest.Object{Len: int64(len(codec.ID)), Reader: strings.NewReader(codec.ID)}, nil
}

func (letters) CleanUp(context.Context, ingest.Codec) error { return nil }

func TestEnqueueInline(t *testing.T) {
	cfg := embedded(t)
	q := open(t, cfg)
	e := newEnqueuer(t, &listing{ids: []string{"abc", "abcd"}}, cfg, enqueue.Options{Inline: &enqueue.Inline{Client: letters{}, MaxBytes: 3}})
	require.NoError(t, e.Enqueue(t.Context()))
	inline := map[string]string{}
	require.NoError(t, q.Peek(t.Context(), 2, func(m *queue.Message) error {
		inline[m.ID] = m.Headers.Get("Ingest-Inline")
		return nil
	}))
	assert.Equal(t, map[string]string{"abc": "3", "abcd": ""}, inline)
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	cfg := embedded(t)
	open(t, cfg)
	for range 2 {
		e := newEnqueuer(t, &listing{ids: []string{"a"}}, cfg, enqueue.Options{Metrics: reg})
		require.NoError(t, e.Enqueue(t.Context()))
	}
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP ingest_enqueue_attempts_total See the documentation of ingest.
# TYPE ingest_enqueue_attempts_total counter
ingest_enqueue_attempts_total{result="error"} 0
ingest_enqueue_attempts_total{result="success"} 2
# HELP ingest_queue_operations_total See the documentation of ingest.
# TYPE ingest_queue_operations_total counter
ingest_queue_operations_total{operation="pop",result="error"} 0
ingest_queue_operations_total{operation="pop",result="success"} 0
ingest_queue_operations_total{operation="publish",result="already_queued"} 1
ingest_queue_operations_total{operation="publish",result="error"} 0
ingest_queue_operations_total{operation="publish",result="success"} 1
`), "ingest_enqueue_attempts_total", "ingest_queue_operations_total"))
}
