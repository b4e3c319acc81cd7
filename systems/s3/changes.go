package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
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
	log    *service.Logger

	// current is what is looked for at the destinations.
	current *entry
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
	c.current, c.order, c.hints, c.unchanged = nil, order{}, nil, 0
}

func (c *changes) close() {
	c.source.close()
	for _, t := range c.targets {
		t.close()
	}
}

// next returns the next element that a destination may lack. A listing that fails,
// whosever it is, has the scan wait and go on.
func (c *changes) next(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	c.hints = nil
	for {
		if c.current == nil {
			e, err := c.source.next(ctx)
			if err == io.EOF { //nolint:errorlint // a connection that breaks is not the end
				c.close()
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
}

// checkOrder stops the comparison with a source that does not sort.
func (c *changes) checkOrder(e *entry) {
	if c.order.follows(e.name) {
		return
	}
	for _, t := range c.targets {
		if !t.blind {
			c.log.Warnf("the source's listing is not sorted (%q comes too late): what follows is queued without comparing it with %s", e.key, t.location)
		}
		t.turnBlind()
	}
}

// look reports whether every destination holds the object, and the tokens of those
// that hold nothing under its name.
func (c *changes) look(ctx context.Context, e *entry) (same bool, absent []string, err error) {
	same = true
	for _, t := range c.targets {
		held, err := t.seek(ctx, e.name, c.log)
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
	// location is that of the empty name.
	location string

	head  *entry
	ended bool
	order order
	// blind says that the listing tells nothing of what follows.
	blind bool
}

func (t *target) reset() {
	t.cursor.reset()
	t.head, t.ended, t.order, t.blind = nil, false, order{}, false
}

func (t *target) turnBlind() {
	t.cursor.close()
	t.head, t.blind = nil, true
}

// token says that there is nothing under the name.
func (t *target) token(name string) string { return ingest.AbsenceToken(t.location + name) }

// seek returns the entry of the name, or nil if there is none or if t is blind.
// Names must be sought in order.
func (t *target) seek(ctx context.Context, name string, log *service.Logger) (*entry, error) {
	for {
		if err := t.peek(ctx, log); err != nil {
			return nil, err
		}
		switch {
		case t.head == nil || t.head.name > name:
			return nil, nil
		case t.head.name == name:
			return t.head, nil
		}
		t.head = nil
	}
}

// peek makes head the next entry, or nil if there is none.
func (t *target) peek(ctx context.Context, log *service.Logger) error {
	if t.head != nil || t.ended || t.blind {
		return nil
	}
	e, err := t.next(ctx)
	if err == io.EOF { //nolint:errorlint // a connection that breaks is not the end
		t.ended = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("comparing with %s: %w", t.location, err)
	}
	if !t.order.follows(e.name) {
		log.Warnf("the listing of %s is not sorted (%q comes too late): what follows is queued without comparing it", t.location, e.key)
		t.turnBlind()
		return nil
	}
	t.head = &e
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

// testListings tests whether the destinations can be listed.
func (c *changes) testListings(ctx context.Context) error {
	var errs []error
	for _, t := range c.targets {
		if l, ok := t.cursor.(*listing); ok {
			errs = append(errs, l.testListing(ctx, l.prefix))
		}
	}
	return errors.Join(errs...)
}
