package queue

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultMaxAhead is how many messages a scan may be ahead of the worker in the
	// same process: each costs the embedded server about a kilobyte of memory.
	defaultMaxAhead = 20_000
	// paceEvery is how many messages are published between two looks.
	paceEvery = 1_000
	// paceRetry is how often is looked whether the worker has caught up.
	paceRetry = 50 * time.Millisecond
)

// pace holds a publisher up that is far ahead of the worker in its own process.
type pace struct {
	published atomic.Int64
	// ahead says that the last look found it too far ahead.
	ahead atomic.Bool
	// looking is held by the one that looks, and awaited by the rest.
	looking sync.Mutex
}

// keepPace waits while too much is pending on an embedded server, if it is taken in
// this process. Nobody else can take it, and a server elsewhere has its own limits.
func (q *Queue) keepPace(ctx context.Context) error {
	if q.conn.embedded == nil || q.pace.published.Add(1)%paceEvery != 0 && !q.pace.ahead.Load() {
		return nil
	}
	q.pace.looking.Lock()
	defer q.pace.looking.Unlock()
	for q.conn.embedded.takers.has(q.taken()) {
		consumer, err := q.conn.js.Consumer(ctx, q.cfg.Stream, q.cfg.Consumer)
		if err != nil {
			return fmt.Errorf("looking up consumer %s: %w", q.cfg.Consumer, err)
		}
		limit := q.maxAhead
		if q.pace.ahead.Load() {
			// Not to stop again at once.
			limit = limit * 3 / 4
		}
		if consumer.CachedInfo().NumPending < uint64(limit) {
			break
		}
		q.pace.ahead.Store(true)
		select {
		case <-time.After(paceRetry):
		case <-ctx.Done():
			return fmt.Errorf("publishing to stream %s, which is far behind: %w", q.cfg.Stream, ctx.Err())
		}
	}
	q.pace.ahead.Store(false)
	return nil
}

// take says that this process takes from the queue, until the function that is
// returned is called.
func (q *Queue) take() (untake func()) {
	e := q.conn.embedded
	if e == nil {
		return func() {}
	}
	e.takers.add(q.taken(), 1)
	return sync.OnceFunc(func() { e.takers.add(q.taken(), -1) })
}

// taken names the consumer among those of the embedded server.
func (q *Queue) taken() string { return q.cfg.Stream + "/" + q.cfg.Consumer }

// takers counts the subscriptions to each consumer.
type takers struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *takers) add(consumer string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[consumer] += n
}

func (t *takers) has(consumer string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[consumer] > 0
}
