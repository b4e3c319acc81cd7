package component

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ingest-bundle/ingest"
)

// Budget lends parts of a limited amount, such as bytes of memory.
type Budget struct {
	limit int64
	left  *semaphore.Weighted
}

// NewBudget returns a Budget of the given amount.
func NewBudget(limit int64) *Budget {
	return &Budget{limit: limit, left: semaphore.NewWeighted(limit)}
}

// Acquire waits for its turn. That others are slow is no stall of this transfer.
// Who asks for more than there is gets all of it. What is lent must be released,
// once. Acquire fails if the context ends, with its cause.
func (b *Budget) Acquire(ctx context.Context, amount int64) (release func(), err error) {
	amount = min(amount, b.limit)
	release = func() { b.left.Release(amount) }
	if b.left.TryAcquire(amount) {
		return release, nil
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				ingest.Progress(ctx)
			case <-waiting.Done():
				return
			}
		}
	}()
	if err := b.left.Acquire(ctx, amount); err != nil {
		return nil, context.Cause(ctx)
	}
	return release, nil
}
