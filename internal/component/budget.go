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

// Loan is an amount that a Budget has lent. It must be released, once.
type Loan struct {
	budget *Budget
	amount int64
}

// Shrink gives back what is more than the amount.
func (l *Loan) Shrink(amount int64) {
	if amount < l.amount {
		l.budget.left.Release(l.amount - amount)
		l.amount = amount
	}
}

// Release gives back the rest.
func (l *Loan) Release() { l.Shrink(0) }

// TryAcquire lends the amount only if it is there, and nobody waits for his turn.
func (b *Budget) TryAcquire(amount int64) (*Loan, bool) {
	amount = min(amount, b.limit)
	if !b.left.TryAcquire(amount) {
		return nil, false
	}
	return &Loan{budget: b, amount: amount}, true
}

// Acquire waits for its turn. That others are slow is no stall of this transfer.
// Who asks for more than there is gets all of it. Acquire fails if the context
// ends, with its cause.
func (b *Budget) Acquire(ctx context.Context, amount int64) (*Loan, error) {
	amount = min(amount, b.limit)
	if loan, ok := b.TryAcquire(amount); ok {
		return loan, nil
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
	return &Loan{budget: b, amount: amount}, nil
}
