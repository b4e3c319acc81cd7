package share_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/share"
)

// end is a destination that is short of something: it takes so many objects at once,
// and holds memory for some of them before it reads.
type end struct {
	jobs   chan func()
	memory *component.Budget
}

// store reads an object as a destination does: in parts, each with memory of the
// destination, at a speed of its own.
func (e *end) store(t *testing.T, c *share.Claim, want *source, r *rand.Rand) {
	defer c.Done()
	time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
	if r.IntN(10) == 0 {
		return // it is up to date
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	obj, err := c.Open(ctx)
	if !assert.NoError(t, err) {
		return
	}
	defer obj.Close() //nolint:errcheck // it has nothing to say
	part := make([]byte, 1+r.IntN(window/4))
	pause := time.Duration(r.IntN(20)) * time.Millisecond
	failing := r.IntN(10) == 0
	for read := 0; ; {
		loan, err := e.memory.Acquire(ctx, int64(len(part)))
		if !assert.NoError(t, err) {
			return
		}
		n, err := obj.Reader.Read(part)
		if !assert.True(t, bytes.HasPrefix(want.content[read:], part[:n]), "other content") {
			return
		}
		time.Sleep(pause)
		loan.Release()
		if read += n; err != nil {
			assert.Len(t, want.content, read)
			return
		}
		if failing && read > len(want.content)/2 {
			return
		}
	}
}

// Whatever the destinations are short of, everything gets through, and the memory is
// kept to.
func TestManyDownloadsWithLittleMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		memory, parts int64
		slots         int
		// circles says that readers can come to wait for each other in a circle,
		// which ends when one is let go, and reads what it lacks on its own.
		circles bool
	}{
		"ample":             {1 << 20, 1 << 20, 64, false},
		"tiny":              {1 << 10, 1 << 20, 64, false},
		"few slots":         {memory, 1 << 20, 2, false},
		"one slot":          {memory, 1 << 20, 1, false},
		"few parts":         {memory, window / 4, 64, true},
		"few of everything": {1 << 10, 1 << 10, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const readers, downloads = 3, 64
				r := rand.New(rand.NewPCG(1, 2))
				group := share.NewGroup(readers, tc.memory)
				ends := make([]*end, readers)
				for i := range ends {
					ends[i] = &end{jobs: make(chan func(), downloads), memory: component.NewBudget(tc.parts)}
				}
				var sources []*source
				began := time.Now()
				for range downloads {
					src := newSource(r.IntN(4 * window))
					sources = append(sources, src)
					for i, c := range group.Share(src.open, []int64{-1, int64(len(src.content))}[r.IntN(2)]) {
						seed := r.Uint64()
						ends[i].jobs <- func() { ends[i].store(t, c, src, rand.New(rand.NewPCG(seed, 0))) }
					}
				}
				var wg sync.WaitGroup
				for _, e := range ends {
					close(e.jobs)
					for range tc.slots {
						wg.Go(func() {
							for job := range e.jobs {
								job()
							}
						})
					}
				}
				wg.Wait()
				synctest.Wait()
				var opens, total, bytes int64
				for _, src := range sources {
					opens += src.opens.Load()
					bytes += src.bytes.Load()
					total += int64(len(src.content))
					require.Equal(t, src.opens.Load()+src.ranged.Load(), src.closed.Load(), "what is opened is closed")
				}
				assert.Less(t, time.Since(began), 20*time.Minute)
				if tc.circles {
					assert.Less(t, bytes, total*3/2)
					return
				}
				assert.Equal(t, total, bytes)
				assert.LessOrEqual(t, opens, int64(downloads))
			})
		})
	}
}

// However much there is to read, what is read ahead is within the limit.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := share.NewGroup(2, memory)
		var sources []*source
		ctx, cancel := context.WithCancel(t.Context())
		var all []*reading
		for i := range 100 {
			src := newSource([]int{window, 100 * window}[i%2])
			sources = append(sources, src)
			claims := group.Share(src.open, int64(len(src.content)))
			all = append(all, start(ctx, claims[0]))
			go func() {
				obj, err := claims[1].Open(ctx)
				if err != nil {
					return
				}
				<-ctx.Done()
				_ = obj.Close()
			}()
		}
		synctest.Wait()
		var read int64
		for _, src := range sources {
			read += src.bytes.Load()
		}
		assert.EqualValues(t, memory, read)
		cancel()
		for _, r := range all {
			<-r.done
		}
	})
}
