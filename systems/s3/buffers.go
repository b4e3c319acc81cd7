package s3

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ingest-bundle/ingest"
)

// minBuffer is the size of the smallest class of buffers, in bits: 4 KiB.
const minBuffer = 12

// buffers lends memory up to a limit, and keeps what comes back for the next.
type buffers struct {
	limit  int64
	budget *semaphore.Weighted
	// classes holds buffers of a power of two each.
	classes [64]sync.Pool
}

func newBuffers(limit int64) *buffers {
	return &buffers{limit: limit, budget: semaphore.NewWeighted(limit)}
}

// buffer is memory on loan. It must be given back once.
type buffer struct {
	bytes  []byte
	weight int64
	class  int
	from   *buffers
	whole  *[]byte
}

// acquire waits for its turn. That others are slow is no stall of this transfer.
func (b *buffers) acquire(ctx context.Context, weight int64) error {
	if b.budget.TryAcquire(weight) {
		return nil
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
	if err := b.budget.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// get lends size bytes, and waits while too much is lent.
func (b *buffers) get(ctx context.Context, size int64) (*buffer, error) {
	weight := min(size, b.limit)
	if err := b.acquire(ctx, weight); err != nil {
		return nil, err
	}
	class := max(minBuffer, bits.Len64(uint64(max(size, 1)-1)))
	whole, ok := b.classes[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<class)
		whole = &fresh
	}
	return &buffer{bytes: (*whole)[:size], weight: weight, class: class, from: b, whole: whole}, nil
}

func (u *buffer) release() {
	u.from.classes[u.class].Put(u.whole)
	u.from.budget.Release(u.weight)
}
