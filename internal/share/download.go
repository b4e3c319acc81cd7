package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// chunk is the most that is read from the source at once, so that the readers get it
// soon.
const chunk = 256 << 10

// download is one object on its way to its readers. It has a goroutine that reads
// into a ring of memory, out of which the readers copy.
type download struct {
	group *Group
	open  Opener
	size  int64
	// changed wakes up the goroutine where it waits.
	changed chan struct{}

	lock   sync.Mutex
	phase  phase
	claims []*Claim
	// left is how many claims are not gone.
	left int
	// ctx ends when nobody is left.
	ctx    context.Context
	cancel context.CancelFunc
	// obj has no Reader.
	obj *ingest.Object
	// ring holds what was read before head, as far back as a claim needs it.
	ring []byte
	head int64
	// err is how the reading ended: io.EOF, or what went wrong.
	err error
}

type phase int

const (
	// idle is a download that nobody has opened yet.
	idle phase = iota
	starting
	reading
	// over is a download that came to nothing: it failed, or there is nobody to share it.
	over
)

// begin begins the download for the first of its readers. It outlives that one, as
// long as there are others.
func (d *download) begin(ctx context.Context) {
	d.phase = starting
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.ctx = ingest.WithProgress(d.ctx, d.progress)
	go d.run()
}

func (d *download) run() {
	loan, err := d.gather()
	if loan == nil {
		d.end(err)
		return
	}
	defer loan.Release()
	obj, err := d.open(d.ctx)
	if err != nil {
		d.end(err)
		return
	}
	window := d.windowOf(obj.Len)
	loan.Shrink(window)
	ring, giveBack := d.group.pool.Get(window)
	defer giveBack()
	d.lock.Lock()
	d.obj, d.ring, d.phase = obj.Describe(), ring, reading
	d.wake()
	d.lock.Unlock()
	content := &resuming{ctx: d.ctx, obj: obj, from: obj.Reader}
	d.end(d.read(content))
	_ = errors.Join(content.close(), obj.Close())
	d.drain()
}

// windowOf is how much memory an object of a length gets, where that is known.
func (d *download) windowOf(length int64) int64 {
	window := d.group.window
	for _, known := range []int64{d.size, length} {
		if known >= 0 {
			window = min(window, max(known, 1))
		}
	}
	return window
}

// gather waits until the download can begin, and returns the memory for it; none if
// there is nobody to share with.
func (d *download) gather() (*component.Loan, error) {
	g := d.group
	if d.size >= 0 && d.size <= g.window {
		if loan, ok := g.ahead.TryAcquire(d.windowOf(d.size)); ok {
			return loan, nil
		}
	}
	d.lock.Lock()
	d.until(d.complete)
	shared := d.left > 1
	d.lock.Unlock()
	if !shared {
		return nil, nil
	}
	g.wanted.Add(1)
	defer g.wanted.Add(-1)
	return g.together.Acquire(d.ctx, d.windowOf(d.size))
}

// read reads all that the source has.
func (d *download) read(r io.Reader) error {
	var more [1]byte
	for {
		var into []byte
		d.lock.Lock()
		full := d.head == d.obj.Len
		if full {
			into = more[:]
		} else {
			d.until(func() bool {
				into = d.room()
				return len(into) > 0
			})
		}
		d.lock.Unlock()
		if len(into) == 0 {
			return context.Canceled
		}
		n, err := r.Read(into)
		if full && n > 0 {
			return fmt.Errorf("reading from the source: more than the %d bytes that it announced arrived", d.head)
		}
		d.lock.Lock()
		d.head += int64(n)
		d.wake()
		d.lock.Unlock()
		if err != nil {
			return err
		}
	}
}

// end says how the reading ended, or that there will be none. Readers that have not
// opened the object yet want no part in a failure.
func (d *download) end(err error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.err = err
	if d.phase == starting {
		d.phase = over
	}
	if err != io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		for _, c := range d.claims {
			if c.state == absent {
				d.leave(c)
			}
		}
	}
	d.wake()
}

// drain waits until the readers have taken what is in memory.
func (d *download) drain() {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.until(func() bool { return d.low() == d.head })
	d.ring = nil
}
