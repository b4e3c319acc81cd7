// Package progress counts, for the whole process, what becomes of objects, so
// that a run can tell how far it is, when it is done, and whether it failed.
package progress

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// Process is what the components of this process count in, unless their stream has
// a Tracker of its own.
var Process = NewTracker()

type resourceKey struct{}

// Use makes the components of a stream count in t.
func (t *Tracker) Use(res *service.Resources) { res.SetGeneric(resourceKey{}, t) }

// Of returns the Tracker that a component counts in. The resources may be nil.
func Of(res *service.Resources) *Tracker {
	if res != nil {
		if t, ok := res.GetGeneric(resourceKey{}); ok {
			return t.(*Tracker)
		}
	}
	return Process
}

// Tracker counts. Its methods can be called at the same time.
type Tracker struct {
	start time.Time

	scanned, bytes, failedAttempts, removed atomic.Int64
	outcomes                                sync.Map // ingest.Outcome → *atomic.Int64

	mu     sync.Mutex
	scans  map[*Scan]struct{}
	queues map[*Queue]struct{}
	// dependencies may be down.
	dependencies map[*Dependency]struct{}
	// down is what was down when it was not needed any more, and left what the
	// queues had then, by consumer.
	down []Outage
	left map[string]ingest.Backlog
	// consumes says that there was a queue ever, and taken has the names of those
	// that were connected.
	consumes bool
	taken    map[string]bool
	filled   map[string]*Filled
	failures int64
	first    error
}

// NewTracker returns a Tracker that has counted nothing.
func NewTracker() *Tracker {
	return &Tracker{
		start: time.Now(), scans: map[*Scan]struct{}{}, queues: map[*Queue]struct{}{}, dependencies: map[*Dependency]struct{}{},
		taken: map[string]bool{}, filled: map[string]*Filled{}, left: map[string]ingest.Backlog{},
	}
}

// Reader returns a reader that counts what is read from r as bytes on their way
// to a destination.
func (t *Tracker) Reader(r io.Reader) io.Reader { return &countingReader{t, r} }

type countingReader struct {
	t *Tracker
	r io.Reader
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.t.bytes.Add(int64(n))
	return n, err
}

// Copied counts bytes that a destination got from its own server.
func (t *Tracker) Copied(n int64) { t.bytes.Add(n) }

// Done counts an object that all destinations of a pipeline have finished.
func (t *Tracker) Done(outcome ingest.Outcome) { t.outcome(outcome).Add(1) }

func (t *Tracker) outcome(o ingest.Outcome) *atomic.Int64 {
	n, ok := t.outcomes.Load(o)
	if !ok {
		n, _ = t.outcomes.LoadOrStore(o, new(atomic.Int64))
	}
	return n.(*atomic.Int64)
}

// Removed counts an object that was cleaned up at the source.
func (t *Tracker) Removed() { t.removed.Add(1) }

// FailedAttempt counts an attempt that will be followed by another.
func (t *Tracker) FailedAttempt() { t.failedAttempts.Add(1) }

// Fail records something that failed for good: no retry follows.
func (t *Tracker) Fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = err
	}
	t.failures++
}

// Failures returns the number of failures for good, and the first of them.
func (t *Tracker) Failures() (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures, t.first
}

// Scan is an input that lists a source.
type Scan struct {
	t *Tracker
	// pending counts the elements that were found and are not queued yet.
	pending atomic.Int64
	// passes counts the scans that reached their end, or gave up.
	passes  atomic.Int64
	running atomic.Bool
	source  *Dependency
}

// NewScan registers an input, by the name of its source. It counts as unfinished
// until its first scan ends.
func (t *Tracker) NewScan(source string) *Scan {
	s := &Scan{t: t, source: t.NewDependency(source)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scans[s] = struct{}{}
	return s
}

// Begin says that the listing begins.
func (s *Scan) Begin() { s.running.Store(true) }

// Troubled says that the source cannot be listed, and will be tried again.
func (s *Scan) Troubled(err error) { s.source.Set(err) }

// Reached says that the source is there.
func (s *Scan) Reached() { s.source.Set(nil) }

// Found counts an element that is about to be queued, and Queued that it is.
func (s *Scan) Found() {
	s.Reached()
	s.t.scanned.Add(1)
	s.pending.Add(1)
}

// Queued says that an element which was Found has left the pipeline.
func (s *Scan) Queued() { s.pending.Add(-1) }

// End says that the listing is over.
func (s *Scan) End() {
	s.Reached()
	s.running.Store(false)
	s.passes.Add(1)
}

// Close says that the source is not needed any more. What was counted stays.
func (s *Scan) Close() { s.source.Close() }

func (s *Scan) finished() bool {
	return s.passes.Load() > 0 && !s.running.Load() && s.pending.Load() == 0
}

// Trouble returns the errors after which listings are tried again, if there are any.
func (t *Tracker) Trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for s := range t.scans {
		errs = append(errs, s.source.Err())
	}
	return errors.Join(errs...)
}

// Queue is an input that takes elements from a queue.
type Queue struct {
	t *Tracker

	mu sync.Mutex
	// name tells the queues from each other, of which each counts once.
	name    string
	backlog func(context.Context) (ingest.Backlog, error)
}

// NewQueue registers an input that is not connected yet.
func (t *Tracker) NewQueue() *Queue {
	q := &Queue{t: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queues[q] = struct{}{}
	t.consumes = true
	return q
}

// Connected says how to ask for what is left in the named queue.
func (q *Queue) Connected(name string, backlog func(context.Context) (ingest.Backlog, error)) {
	q.t.mu.Lock()
	q.t.taken[name] = true
	q.t.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.name, q.backlog = name, backlog
}

// Consumes reports whether the process takes, or took, elements from a queue.
func (t *Tracker) Consumes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.consumes
}

// closeTimeout bounds the last question to a queue.
const closeTimeout = time.Second

// Close forgets the input, but not what its queue has left.
func (q *Queue) Close() {
	q.mu.Lock()
	name, backlog := q.name, q.backlog
	q.mu.Unlock()
	var left ingest.Backlog
	known := false
	if backlog != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		var err error
		left, err = backlog(ctx)
		known = err == nil
	}
	q.t.mu.Lock()
	defer q.t.mu.Unlock()
	if known {
		q.t.left[name] = left
	}
	delete(q.t.queues, q)
}
