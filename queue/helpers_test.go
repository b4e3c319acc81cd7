package queue

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// patience bounds what is waited for.
const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// testConfig is a queue on the embedded server, with short delays.
func testConfig(t *testing.T) Config {
	t.Helper()
	return Config{
		Server:      Server{StoreDir: t.TempDir()},
		Stream:      "ingest",
		Subject:     "ingest.wf",
		Prefetch:    4,
		MaxAttempts: 3,
		AckWait:     time.Second,
		BackoffMin:  20 * time.Millisecond,
		BackoffMax:  100 * time.Millisecond,
	}
}

func open(t *testing.T, cfg Config) *Queue {
	t.Helper()
	q, err := Open(testContext(t), cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func subscribe(t *testing.T, q *Queue) *Subscription {
	t.Helper()
	s, err := q.Subscribe(testContext(t))
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s.(*Subscription)
}

func element(id string) ingest.Codec { return ingest.NewCodec(id, id, nil) }

func publish(t *testing.T, q *Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, q.Publish(testContext(t), element(id), nil))
	}
}

func pop(t *testing.T, s ingest.Subscription) ingest.Delivery {
	t.Helper()
	deliveries, err := s.Pop(testContext(t), 1)
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	return deliveries[0]
}

func idOf(t *testing.T, d ingest.Delivery) string {
	t.Helper()
	var codec ingest.Codec
	require.NoError(t, codec.Unmarshal(d.Data()))
	return codec.ID
}

func messages(t *testing.T, q *Queue, stream string) uint64 {
	t.Helper()
	s, err := q.conn.js.Stream(testContext(t), stream)
	require.NoError(t, err)
	info, err := s.Info(testContext(t))
	require.NoError(t, err)
	return info.State.Msgs
}

func deadLetters(t *testing.T, q *Queue) []*DeadLetter {
	t.Helper()
	var all []*DeadLetter
	require.NoError(t, q.DeadLetters(testContext(t), func(d *DeadLetter) error {
		all = append(all, d)
		return nil
	}))
	return all
}

// runServer starts a NATS server that listens on a free port of the loopback.
func runServer(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	if change != nil {
		change(opts)
	}
	srv, err := server.NewServer(opts)
	require.NoError(t, err)
	go srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	require.True(t, srv.ReadyForConnections(patience))
	return srv
}
