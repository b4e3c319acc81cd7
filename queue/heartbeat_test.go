package queue

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestHeartbeatsKeepADelivery(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "popped", "prefetched")
	d := pop(t, s)
	other := subscribe(t, q)
	short, cancel := context.WithTimeout(t.Context(), 5*cfg.AckWait/2)
	defer cancel()
	_, err := other.Pop(short, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded, "no other worker gets it, nor what is prefetched")
	require.NoError(t, d.Context().Err())
	require.NoError(t, d.Ack(testContext(t)))
	d = pop(t, s)
	assert.Equal(t, "prefetched", idOf(t, d))
	assert.Equal(t, 1, d.Deliveries())
}

// What was fetched ahead is kept as long as what is in work. This worker has as much as
// it wants, so that what the server gave away would be another's.
func TestHeartbeatsKeepWhatIsFetchedAhead(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	publish(t, q, "a", "b", "c", "d")
	s := subscribe(t, q)
	require.Eventually(t, func() bool { return heldBy(s) == cfg.Prefetch }, patience, time.Millisecond)
	short, cancel := context.WithTimeout(t.Context(), 5*cfg.AckWait/2)
	defer cancel()
	_, err := subscribe(t, q).Pop(short, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestLostConnectionCancelsTheDelivery(t *testing.T) {
	srv := runServer(t, nil)
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}}
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "popped", "prefetched")
	d := pop(t, s)
	require.Eventually(t, func() bool { return heldBy(s) == 2 }, patience, time.Millisecond)
	srv.Shutdown()
	select {
	case <-d.Context().Done():
	case <-time.After(patience):
		t.Fatal("nobody stopped the worker")
	}
	require.ErrorIs(t, context.Cause(d.Context()), ErrLeaseLost)
	require.Eventually(t, func() bool { return heldBy(s) == 0 }, patience, time.Millisecond, "what was fetched ahead is given up too")
}

func heldBy(s *Subscription) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// A delivery that lost its lease says nothing about the element.
func TestFailAfterTheLeaseIsLostIsNotCounted(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	d := pop(t, s).(*Delivery)
	d.abandon(ErrLeaseLost)
	require.ErrorIs(t, context.Cause(d.Context()), ErrLeaseLost)
	require.NoError(t, d.Fail(testContext(t), ingest.Permanent(ErrLeaseLost)))
	again := pop(t, s)
	assert.Equal(t, 1, attempt(t, again))
	assert.Empty(t, deadLetters(t, q))
}
