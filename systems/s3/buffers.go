package s3

import (
	"context"

	"github.com/ingest-bundle/ingest/internal/component"
)

// buffers lends memory up to a limit, and keeps what comes back for the next.
type buffers struct {
	budget *component.Budget
	pool   component.Pool
}

func newBuffers(limit int64) *buffers {
	return &buffers{budget: component.NewBudget(limit)}
}

// buffer is memory on loan. It must be given back once.
type buffer struct {
	bytes    []byte
	loan     *component.Loan
	giveBack func()
	// spoilt says that a request which sent it failed. net/http may still be
	// reading it, so it is left to the garbage collector.
	spoilt bool
}

// get lends size bytes, and waits while too much is lent.
func (b *buffers) get(ctx context.Context, size int64) (*buffer, error) {
	loan, err := b.budget.Acquire(ctx, size)
	if err != nil {
		return nil, err
	}
	memory, giveBack := b.pool.Get(size)
	return &buffer{bytes: memory, loan: loan, giveBack: giveBack}, nil
}

func (u *buffer) release() {
	if !u.spoilt {
		u.giveBack()
	}
	u.loan.Release()
}
