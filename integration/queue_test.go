package integration

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

// openQueue opens the queue that the pipelines use.
func openQueue(t *testing.T, n *natsServer) *queue.Queue {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Config{
		Server: queue.Server{URLs: []string{n.url}}, Subject: subject,
		// A consumer has one deadline: as in the pipelines.
		AckWait: 5 * time.Second,
	}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// deadLetters returns the errors of the dead letters by the ID of their element,
// or by their text where they are none.
func deadLetters(t *testing.T, q *queue.Queue) map[string]string {
	t.Helper()
	dead := map[string]string{}
	require.NoError(t, q.DeadLetters(t.Context(), func(d *queue.DeadLetter) error {
		var codec ingest.Codec
		id := string(d.Data)
		if codec.Unmarshal(d.Data) == nil {
			id = codec.ID
		}
		dead[id] = d.Error
		return nil
	}))
	return dead
}

// eachMessage reads a stream without consuming it.
func eachMessage(t *testing.T, n *natsServer, stream string, f func(*jetstream.RawStreamMsg)) {
	t.Helper()
	s, err := n.js.Stream(t.Context(), stream)
	require.NoError(t, err)
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		msg, err := s.GetMsg(t.Context(), seq)
		if err == nil {
			f(msg)
		}
	}
}
