package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/progress"
)

// cursor goes through a listing.
type cursor interface {
	reset()
	// next returns the next entry, or io.EOF itself. After any other error it
	// goes on where it was.
	next(context.Context) (entry, error)
	close()
}

// changes is the listing of a source without what every destination was seen to
// hold. All listings must be sorted by the bytes of the names, and are read side
// by side, page by page. What is not known for certain is never left out.
type changes struct {
	source  cursor
	targets []*target
	// proves reports whether what is held is a copy of the source's entry.
	proves func(src, held *entry) bool
	// deletions is nil where nothing is to be deleted.
	deletions *deletions
	log       *service.Logger

	// current is what is looked for at the destinations.
	current *entry
	ended   bool
	order   order
	// hints belong to the element that was returned last.
	hints     map[string]string
	unchanged int64
}

func (c *changes) reset() {
	c.source.reset()
	for _, t := range c.targets {
		t.reset()
	}
	if c.deletions != nil {
		c.deletions.reset()
	}
	c.current, c.ended, c.order, c.hints, c.unchanged = nil, false, order{}, nil, 0
}

func (c *changes) close() {
	c.source.close()
	for _, t := range c.targets {
		t.close()
	}
}

// next returns the next element that a destination may lack, and in the end those
// that destinations should lack. A listing that fails, whosever it is, has the scan
// wait and go on, and delete nothing.
func (c *changes) next(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	codec, obj, err := c.step(ctx)
	if err != nil && err != io.EOF && c.deletions != nil { //nolint:errorlint // the end itself
		c.deletions.stop(err)
	}
	return codec, obj, err
}

func (c *changes) step(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	c.hints = nil
	for !c.ended {
		if c.current == nil {
			e, err := c.source.next(ctx)
			if err == io.EOF { //nolint:errorlint // a connection that breaks is not the end
				c.ended = true
				break
			}
			if err != nil {
				return nil, nil, err
			}
			c.current = &e
			c.checkOrder(&e)
		}
		same, absent, err := c.look(ctx, c.current)
		if err != nil {
			return nil, nil, err
		}
		e := c.current
		c.current = nil
		if same {
			c.unchanged++
			continue
		}
		if len(absent) > 0 {
			c.hints = map[string]string{ingest.MetaAbsent: strings.Join(absent, ",")}
		}
		codec, obj := e.element()
		return codec, obj, nil
	}
	return c.afterTheEnd(ctx)
}

// afterTheEnd returns what is to be deleted.
func (c *changes) afterTheEnd(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	d := c.deletions
	if d != nil && !d.settled {
		if err := c.readToTheEnd(ctx); err != nil {
			return nil, nil, err
		}
		if err := d.settle(!c.order.any); err != nil {
			return nil, nil, err
		}
	}
	c.close()
	if d != nil {
		if codec, hints := d.next(); codec != nil {
			c.hints = hints
			return codec, nil, nil
		}
	}
	return nil, nil, io.EOF
}

// readToTheEnd finds what destinations hold after the last name of the source, if
// that is of use.
func (c *changes) readToTheEnd(ctx context.Context) error {
	for _, t := range c.targets {
		for c.deletions.doubt == nil && !t.ended {
			if err := c.advance(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkOrder stops the comparison with a source that does not sort.
func (c *changes) checkOrder(e *entry) {
	if c.order.follows(e.name) {
		return
	}
	for _, t := range c.targets {
		c.turnBlind(t, fmt.Errorf("the source's listing is not sorted: %q comes too late", e.key))
	}
}

// turnBlind gives up the comparison with a destination.
func (c *changes) turnBlind(t *target, why error) {
	if t.blind {
		return
	}
	c.log.Warnf("what follows is queued without comparing it with %s: %v", t.location, why)
	if c.deletions != nil {
		c.deletions.stop(why)
	}
	t.cursor.close()
	t.head, t.blind = nil, true
}

// look reports whether every destination holds the object, and the tokens of those
// that hold nothing under its name.
func (c *changes) look(ctx context.Context, e *entry) (same bool, absent []string, err error) {
	same = true
	for _, t := range c.targets {
		held, err := c.seek(ctx, t, e.name)
		switch {
		case err != nil:
			return false, nil, err
		case t.blind:
			same = false
		case held == nil:
			same = false
			absent = append(absent, t.token(e.name))
		default:
			same = same && c.proves(e, held)
		}
	}
	return same, absent, nil
}

// target is the listing of a destination.
type target struct {
	cursor
	// field says which of the destinations it is, and location is that of the empty
	// name.
	field, location string

	head *entry
	// matched says that the source has the name of head.
	matched bool
	ended   bool
	order   order
	// blind says that the listing tells nothing of what follows.
	blind bool
}

func (t *target) reset() {
	t.cursor.reset()
	t.head, t.matched, t.ended, t.order, t.blind = nil, false, false, order{}, false
}

// token says that there is nothing under the name.
func (t *target) token(name string) string { return ingest.AbsenceToken(t.location + name) }

// seek returns the destination's entry of the name, or nil if there is none or if t
// is blind. Names must be sought in order.
func (c *changes) seek(ctx context.Context, t *target, name string) (*entry, error) {
	for {
		if t.head == nil && !t.ended && !t.blind {
			if err := c.advance(ctx, t); err != nil {
				return nil, err
			}
		}
		switch {
		case t.head == nil || t.head.name > name:
			return nil, nil
		case t.head.name == name:
			t.matched = true
			return t.head, nil
		}
		if err := c.advance(ctx, t); err != nil {
			return nil, err
		}
	}
}

// advance goes on to the destination's next entry. One that no name of the source
// matched may be deleted.
func (c *changes) advance(ctx context.Context, t *target) error {
	if t.head != nil && !t.matched && c.deletions != nil {
		c.deletions.add(t.head, t.token(t.head.name))
	}
	t.head, t.matched = nil, false
	e, err := t.next(ctx)
	switch {
	case err == io.EOF: //nolint:errorlint // a connection that breaks is not the end
		t.ended = true
	case err != nil:
		return progress.At(t.field+" "+t.location, err)
	case !t.order.follows(e.name):
		c.turnBlind(t, fmt.Errorf("its listing is not sorted: %q comes too late", e.key))
	default:
		t.head = &e
	}
	return nil
}

// order sees whether names come in order.
type order struct {
	last string
	any  bool
}

func (o *order) follows(name string) bool {
	if o.any && name <= o.last {
		return false
	}
	o.last, o.any = name, true
	return true
}

// testListings asks the destinations as client.testListing does.
func (c *changes) testListings(ctx context.Context) error {
	return c.each(func(l *listing) error { return l.testListing(ctx, l.prefix) })
}

// testLists asks the destinations as client.testList does.
func (c *changes) testLists(ctx context.Context) error {
	return c.each(func(l *listing) error { return l.testList(ctx, l.prefix) })
}

func (c *changes) each(test func(*listing) error) error {
	var errs []error
	for _, t := range c.targets {
		if l, ok := t.cursor.(*listing); ok {
			errs = append(errs, progress.At(t.field+" "+t.location, test(l)))
		}
	}
	return errors.Join(errs...)
}
