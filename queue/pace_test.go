package queue

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The embedded server holds what is pending in memory, so a scan of a huge bucket
// waits for the worker that shares the process with it.
func TestScansKeepPaceWithTheWorker(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxAckPending, cfg.Prefetch = 2, 1
	q := open(t, cfg)
	q.maxAhead = 1
	worker := subscribe(t, open(t, cfg))
	for i := range paceEvery - 1 {
		publish(t, q, fmt.Sprint(i))
	}
	taken := pop(t, worker)
	require.Eventually(t, func() bool {
		left, err := worker.Backlog(testContext(t))
		return err == nil && left.Pending > paceEvery/2
	}, patience, 10*time.Millisecond)

	ctx, cancel := context.WithTimeout(t.Context(), 10*paceRetry)
	defer cancel()
	require.ErrorIs(t, q.Publish(ctx, element("one more"), nil), context.DeadlineExceeded)
	require.EqualValues(t, paceEvery-1, messages(t, q, "ingest"))

	published := make(chan error, 1)
	go func() { published <- q.Publish(testContext(t), element("one more"), nil) }()
	assert.NoError(t, taken.Ack(testContext(t)))
	require.Never(t, func() bool { return len(published) > 0 }, 4*paceRetry, paceRetry, "it waits until the worker has caught up")
	require.NoError(t, worker.Close(testContext(t)))
	require.NoError(t, <-published, "or is no more")
}

func TestScansDoNotWaitForWorkersElsewhere(t *testing.T) {
	q := open(t, testConfig(t))
	q.maxAhead = 1
	for i := range paceEvery + 1 {
		publish(t, q, fmt.Sprint(i))
	}
	assert.EqualValues(t, paceEvery+1, messages(t, q, "ingest"))
}
