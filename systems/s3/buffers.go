package s3

import (
	"context"
	"math/bits"
	"sync"

	"github.com/ingest-bundle/ingest/internal/component"
)

// minBuffer is the size of the smallest class of buffers, in bits: 4 KiB.
const minBuffer = 12

// buffers lends memory up to a limit, and keeps what comes back for the next.
type buffers struct {
	budget *component.Budget
	// classes holds buffers of a power of two each.
	classes [64]sync.Pool
}

func newBuffers(limit int64) *buffers {
	return &buffers{budget: component.NewBudget(limit)}
}

// buffer is memory on loan. It must be given back once.
type buffer struct {
	bytes    []byte
	class    int
	from     *buffers
	whole    *[]byte
	giveBack func()
}

// get lends size bytes, and waits while too much is lent.
func (b *buffers) get(ctx context.Context, size int64) (*buffer, error) {
	giveBack, err := b.budget.Acquire(ctx, size)
	if err != nil {
		return nil, err
	}
	class := max(minBuffer, bits.Len64(uint64(max(size, 1)-1)))
	whole, ok := b.classes[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<class)
		whole = &fresh
	}
	return &buffer{bytes: (*whole)[:size], class: class, from: b, whole: whole, giveBack: giveBack}, nil
}

func (u *buffer) release() {
	u.from.classes[u.class].Put(u.whole)
	u.giveBack()
}
