package progress

import (
	"context"
	"time"

	"github.com/ingest-bundle/ingest"
)

// Snapshot is how far a process is.
type Snapshot struct {
	// Elapsed is the time since the process began.
	Elapsed time.Duration
	// Scanned counts the elements that scans found.
	Scanned int64
	// Stored, UpToDate, Kept, Vanished and Deleted count the objects that are done.
	Stored, UpToDate, Kept, Vanished, Deleted int64
	// Removed counts the objects that were cleaned up at the source.
	Removed int64
	// Bytes counts what was sent to destinations, failed attempts included.
	Bytes int64
	// FailedAttempts counts attempts that are followed by another.
	FailedAttempts int64
	// Failures counts what failed for good.
	Failures int64
	// Backlog is what the queues have left; nil if no queue could be asked.
	Backlog *ingest.Backlog

	// Outages says what is down, the longest outage first.
	Outages []Outage

	// complete says that every queue was asked, and every scan has ended.
	complete bool
}

// Done counts the objects that are done.
func (s *Snapshot) Done() int64 { return s.Stored + s.UpToDate + s.Kept + s.Vanished + s.Deleted }

// Idle reports whether every scan has ended, all that was found is queued, and
// the queues have nothing left.
func (s *Snapshot) Idle() bool {
	return s.complete && (s.Backlog == nil || s.Backlog.Pending+s.Backlog.InFlight == 0)
}

// Snapshot asks the queues, and returns what was counted so far.
func (t *Tracker) Snapshot(ctx context.Context) *Snapshot {
	s := &Snapshot{}
	t.mu.Lock()
	s.complete = len(t.scans)+len(t.queues) > 0
	for scan := range t.scans {
		s.complete = s.complete && scan.finished()
	}
	queues := make([]*Queue, 0, len(t.queues))
	for q := range t.queues {
		queues = append(queues, q)
	}
	t.mu.Unlock()
	// What is found done after the scans had ended is all there is.
	s.ask(ctx, queues)

	s.Elapsed = time.Since(t.start)
	s.Outages = t.outages()
	s.Scanned = t.scanned.Load()
	s.Stored = t.outcome(ingest.OutcomeStored).Load()
	s.UpToDate = t.outcome(ingest.OutcomeUpToDate).Load()
	s.Kept = t.outcome(ingest.OutcomeKept).Load()
	s.Vanished = t.outcome(ingest.OutcomeVanished).Load()
	s.Deleted = t.outcome(ingest.OutcomeDeleted).Load()
	s.Removed = t.removed.Load()
	s.Bytes = t.bytes.Load()
	s.FailedAttempts = t.failedAttempts.Load()
	s.Failures, _ = t.Failures()
	return s
}

// Final is the Snapshot of a run that is over, with what was left and down at its end.
func (t *Tracker) Final() *Snapshot {
	s := t.Snapshot(context.Background())
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Outages = eachOnce(append(s.Outages, t.down...))
	for _, left := range t.left {
		if s.Backlog == nil {
			s.Backlog = &ingest.Backlog{}
		}
		s.Backlog.Pending += left.Pending
		s.Backlog.InFlight += left.InFlight
	}
	return s
}

func (s *Snapshot) ask(ctx context.Context, queues []*Queue) {
	asked := map[string]bool{}
	for _, q := range queues {
		q.mu.Lock()
		name, backlog := q.name, q.backlog
		q.mu.Unlock()
		if backlog == nil {
			s.complete = false
			continue
		}
		if asked[name] {
			continue
		}
		asked[name] = true
		left, err := backlog(ctx)
		if err != nil {
			s.complete = false
			continue
		}
		if s.Backlog == nil {
			s.Backlog = &ingest.Backlog{}
		}
		s.Backlog.Pending += left.Pending
		s.Backlog.InFlight += left.InFlight
	}
}
