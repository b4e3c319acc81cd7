package share

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ingest-bundle/ingest"
)

// Claim is one reader's right to a download. The reader opens it once or not at all,
// and says at the end that it is Done.
type Claim struct {
	download *download
	reader   *reader
	// changed wakes the reader up where it waits.
	changed chan struct{}

	// What follows is guarded by the lock of the download.

	state state
	// ctx is that of Open.
	ctx context.Context
	// waits says that the reader waits for the download, and copies that it is taking
	// content out of memory.
	waits, copies bool
	// pos is how much the reader has taken.
	pos int64
	// own is what a reader that was let go reads on from.
	own    io.ReadCloser
	closed bool
}

type state int

const (
	// absent is a claim that was not opened yet, present one that is open.
	absent state = iota
	present
	// gone is a claim that holds up nobody any more: the reader is done, or was let go.
	gone
)

var (
	errClosed = errors.New("read after the object was closed")
	errLetGo  = errors.New("the others went on without this reader")
)

// Open opens the object as the Opener does, once for all readers that want it. The
// Object is for this reader alone, which closes it, and Sequential: who reads a range
// is on its own. Where there is nobody to share with, or nothing more to share, Open
// is the Opener. The context holds until the Object is closed.
func (c *Claim) Open(ctx context.Context) (*ingest.Object, error) {
	obj, err := c.join(ctx)
	if errors.Is(err, errLetGo) {
		return c.download.open(ctx)
	}
	return obj, err
}

// join waits for the download to begin. It fails with errLetGo if the reader is to
// open the object itself.
func (c *Claim) join(ctx context.Context) (*ingest.Object, error) {
	d := c.download
	d.lock.Lock()
	defer d.lock.Unlock()
	d.group.move(c.reader)
	if c.state != absent {
		return nil, errLetGo
	}
	c.state, c.ctx = present, ctx
	if d.phase == idle && d.left > 1 {
		d.begin(ctx)
	}
	d.wake()
	for d.phase == starting {
		if err := c.wait(); err != nil {
			d.leave(c)
			return nil, err
		}
	}
	if d.phase != reading {
		d.leave(c)
		if d.err != nil {
			return nil, d.err
		}
		return nil, errLetGo
	}
	obj := *d.obj
	obj.Reader, obj.Sequential = c, true
	if obj.Range != nil {
		obj.Range = c.openRange
	}
	return &obj, nil
}

// openRange reads on its own what has to be read again. Nobody waits for this reader
// any more.
func (c *Claim) openRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	d := c.download
	d.lock.Lock()
	d.leave(c)
	d.lock.Unlock()
	body, err := d.obj.Range(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	return &ownBody{c, body, body}, nil
}

// ownBody is what a reader reads on its own. It gets on, too.
type ownBody struct {
	claim *Claim
	io.Reader
	io.Closer
}

func (b *ownBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n > 0 {
		b.claim.download.group.move(b.claim.reader)
	}
	return n, err
}

// Done says, once, that the reader will not open the object any more. One that is
// open stays so until it is closed.
func (c *Claim) Done() {
	d := c.download
	d.lock.Lock()
	defer d.lock.Unlock()
	d.group.move(c.reader)
	c.reader.claims.Add(-1)
	if c.state == absent {
		d.leave(c)
	}
}

// Leave says that the others need not wait for the reader. If it opens the object all
// the same, it does so on its own.
func (c *Claim) Leave() {
	d := c.download
	d.lock.Lock()
	defer d.lock.Unlock()
	if c.state == absent {
		d.leave(c)
	}
}

// wait waits until something has changed. The lock is held before and after it.
func (c *Claim) wait() error {
	c.waits = true
	c.download.lock.Unlock()
	defer func() {
		c.download.lock.Lock()
		c.waits = false
	}()
	select {
	case <-c.changed:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// Read implements io.Reader for the Object.
func (c *Claim) Read(p []byte) (int, error) {
	n, err := c.take(p)
	if !errors.Is(err, errLetGo) {
		return n, err
	}
	own, err := c.alone()
	if err != nil {
		return 0, err
	}
	return own.Read(p)
}

// take reads what is in memory. It fails with errLetGo if the reader is to read on
// its own.
func (c *Claim) take(p []byte) (int, error) {
	d := c.download
	d.lock.Lock()
	defer d.lock.Unlock()
	for {
		switch {
		case c.closed:
			return 0, errClosed
		case c.state == gone:
			return 0, errLetGo
		case len(p) == 0:
			return 0, nil
		case c.pos < d.head:
			return c.copy(p), nil
		case d.err != nil:
			return 0, d.err
		}
		if err := c.wait(); err != nil {
			return 0, err
		}
	}
}

// copy takes content out of memory, which stays what it is while the lock is let go.
func (c *Claim) copy(p []byte) int {
	d := c.download
	held := d.held(c.pos)
	c.copies = true
	d.lock.Unlock()
	n := copy(p, held)
	d.lock.Lock()
	c.copies = false
	c.pos += int64(n)
	d.group.move(c.reader)
	notify(d.changed)
	return n
}

// alone returns what a reader that was let go reads on from.
func (c *Claim) alone() (io.Reader, error) {
	d := c.download
	d.lock.Lock()
	own, ctx, pos := c.own, c.ctx, c.pos
	d.lock.Unlock()
	if own != nil {
		return own, nil
	}
	own, err := c.openAt(ctx, pos)
	if err != nil {
		return nil, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if c.closed {
		_ = own.Close()
		return nil, errClosed
	}
	c.own = own
	return own, nil
}

// openAt opens the rest of the object.
func (c *Claim) openAt(ctx context.Context, pos int64) (io.ReadCloser, error) {
	d := c.download
	if length := d.obj.Len; d.obj.Range != nil && length > pos {
		return c.openRange(ctx, pos, length-pos)
	}
	obj, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, ingest.ProgressReader(ctx, obj.Reader), pos); err != nil {
		_ = obj.Close()
		return nil, fmt.Errorf("reading from the source once more: %w", err)
	}
	return &ownBody{c, obj.Reader, obj}, nil
}

// Close implements io.Closer for the Object.
func (c *Claim) Close() error {
	d := c.download
	d.lock.Lock()
	defer d.lock.Unlock()
	d.group.move(c.reader)
	d.leave(c)
	if c.closed || c.own == nil {
		c.closed = true
		return nil
	}
	c.closed = true
	return c.own.Close()
}

// holds reports whether the reader still needs what is in memory.
func (c *Claim) holds() bool { return c.state != gone || c.copies }
