// Package share lets several readers share one download, each at its own speed.
package share

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

const (
	// defaultPatience is how long a reader may stand still before it is not waited
	// for any longer.
	defaultPatience = 30 * time.Second
	// defaultTick is how often those who wait look at the clock.
	defaultTick = time.Second
	// windows is how many of the largest windows there is memory for.
	windows = 8
)

// Group is a number of readers, the outputs of a fan-out, that share downloads. What
// one of them has read and another has not is in memory, up to a limit over all
// downloads.
//
// Downloads do not wait for memory in a circle. One gets all its memory before it
// begins, and while it waits for that its readers hold nothing at their ends. Half of
// the memory is for downloads that fit into it whole, and begin with their first
// reader: none of their readers ever waits for another. The other half is for those
// that begin when all their readers are there. Where readers wait for each other
// nevertheless, because of what is short at their ends, patience ends.
type Group struct {
	ahead, together *component.Budget
	// wanted is how many downloads wait for memory.
	wanted atomic.Int64
	// window is the most memory that one download gets.
	window         int64
	patience, tick time.Duration
	pool           component.Pool

	start   time.Time
	readers []reader
}

type reader struct {
	// claims is how many it has that it is not done with.
	claims atomic.Int64
	// moved is when it last got on, with whatever download, or was given something to
	// do when it had nothing, as the time since the group's start.
	moved atomic.Int64
}

// NewGroup returns a Group of so many readers that share so many bytes of memory.
func NewGroup(readers int, memory int64) *Group {
	return &Group{
		ahead:    component.NewBudget(max(memory/2, 1)),
		together: component.NewBudget(max(memory/2, 1)),
		window:   max(memory/windows, 1),
		patience: defaultPatience,
		tick:     defaultTick,
		start:    time.Now(),
		readers:  make([]reader, readers),
	}
}

// Opener opens the object that is shared. If it is called again it opens the same
// version, or fails.
type Opener func(context.Context) (*ingest.Object, error)

// Share returns a Claim for each of the readers, all of one download. It opens
// nothing yet. The size is what is known of the object's length before, or -1.
func (g *Group) Share(open Opener, size int64) []*Claim {
	d := &download{group: g, open: open, size: size, left: len(g.readers), changed: make(chan struct{}, 1)}
	for i := range g.readers {
		r := &g.readers[i]
		if r.claims.Add(1) == 1 {
			g.move(r)
		}
		d.claims = append(d.claims, &Claim{download: d, reader: r, changed: make(chan struct{}, 1)})
	}
	return d.claims
}

func (g *Group) move(r *reader) { r.moved.Store(int64(time.Since(g.start))) }

// stuck reports whether the reader has not got on with anything for longer than there
// is patience for.
func (g *Group) stuck(r *reader) bool {
	return time.Since(g.start)-time.Duration(r.moved.Load()) > g.patience
}
