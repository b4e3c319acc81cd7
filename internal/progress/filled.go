package progress

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Filled is a queue that outputs of this process put elements into.
type Filled struct {
	name, where    string
	queued, before atomic.Int64
}

// Fills registers an output of the named queue.
func (t *Tracker) Fills(name, where string) *Filled {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.filled[name]
	if !ok {
		f = &Filled{name: name, where: where}
		t.filled[name] = f
	}
	return f
}

// Queued counts an element that was put into the queue.
func (f *Filled) Queued() { f.queued.Add(1) }

// WasQueued counts an element that was in the queue before.
func (f *Filled) WasQueued() { f.before.Add(1) }

// Unread is what this process put into a queue that nothing in it takes from.
type Unread struct {
	Where string
	// Queued counts the elements, and Before those that were there already.
	Queued, Before int64
}

// Unread returns the queues that have something which nothing here takes.
func (t *Tracker) Unread() (all []Unread) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.filled {
		u := Unread{f.where, f.queued.Load(), f.before.Load()}
		if !t.taken[f.name] && u.Queued+u.Before > 0 {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b Unread) int { return cmp.Compare(a.Where, b.Where) })
	return all
}
