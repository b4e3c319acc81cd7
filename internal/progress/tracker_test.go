package progress

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func backlog(pending, inFlight int64) func(context.Context) (ingest.Backlog, error) {
	return func(context.Context) (ingest.Backlog, error) {
		return ingest.Backlog{Pending: pending, InFlight: inFlight}, nil
	}
}

func TestSnapshotCounts(t *testing.T) {
	tr := NewTracker()
	for outcome, n := range map[ingest.Outcome]int{
		ingest.OutcomeStored: 4, ingest.OutcomeUpToDate: 3, ingest.OutcomeKept: 2, ingest.OutcomeVanished: 1, ingest.OutcomeDeleted: 5,
	} {
		for range n {
			tr.Done(outcome)
		}
	}
	_, err := io.Copy(io.Discard, tr.Reader(strings.NewReader("12345")))
	require.NoError(t, err)
	tr.FailedAttempt()
	tr.Fail(errors.New("first"))
	tr.Fail(errors.New("second"))

	s := tr.Snapshot(t.Context())
	assert.Equal(t, []int64{4, 3, 2, 1, 5}, []int64{s.Stored, s.UpToDate, s.Kept, s.Vanished, s.Deleted})
	assert.EqualValues(t, 15, s.Done())
	assert.EqualValues(t, 5, s.Bytes)
	assert.EqualValues(t, 1, s.FailedAttempts)
	n, first := tr.Failures()
	assert.EqualValues(t, 2, n)
	require.EqualError(t, first, "first")
	assert.Nil(t, s.Backlog, "no queue was asked")
}

func TestBacklogsAddUp(t *testing.T) {
	tr := NewTracker()
	tr.NewQueue().Connected("s/one", backlog(5, 1))
	tr.NewQueue().Connected("s/one", backlog(5, 1))
	tr.NewQueue().Connected("s/two", backlog(2, 0))
	assert.Equal(t, &ingest.Backlog{Pending: 7, InFlight: 1}, tr.Snapshot(t.Context()).Backlog, "each consumer counts once")
}

func TestIdle(t *testing.T) {
	for name, tc := range map[string]struct {
		arrange func(*Tracker)
		want    bool
	}{
		"nothing there":  {func(*Tracker) {}, false},
		"scan not begun": {func(tr *Tracker) { tr.NewScan("source") }, false},
		"scanning":       {func(tr *Tracker) { tr.NewScan("source").Begin() }, false},
		"found and not queued": {func(tr *Tracker) {
			s := tr.NewScan("source")
			s.Begin()
			s.Found()
			s.End()
		}, false},
		"all queued": {func(tr *Tracker) {
			s := tr.NewScan("source")
			s.Begin()
			s.Found()
			s.Queued()
			s.End()
		}, true},
		"one of two scans": {func(tr *Tracker) {
			tr.NewScan("source").End()
			tr.NewScan("source")
		}, false},
		"scanning again": {func(tr *Tracker) {
			s := tr.NewScan("source")
			s.End()
			s.Begin()
		}, false},
		"queue not connected": {func(tr *Tracker) { tr.NewQueue() }, false},
		"queue cannot be asked": {func(tr *Tracker) {
			tr.NewQueue().Connected("q", func(context.Context) (ingest.Backlog, error) { return ingest.Backlog{}, errors.New("gone") })
		}, false},
		"pending":   {func(tr *Tracker) { tr.NewQueue().Connected("q", backlog(1, 0)) }, false},
		"in flight": {func(tr *Tracker) { tr.NewQueue().Connected("q", backlog(0, 1)) }, false},
		"empty":     {func(tr *Tracker) { tr.NewQueue().Connected("q", backlog(0, 0)) }, true},
		"closed": {func(tr *Tracker) {
			tr.NewScan("source").End()
			q := tr.NewQueue()
			q.Connected("q", backlog(1, 0))
			q.Close()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tr := NewTracker()
			tc.arrange(tr)
			assert.Equal(t, tc.want, tr.Snapshot(t.Context()).Idle())
		})
	}
}

// What is told at the end of a run is known when its components are closed already.
func TestFinalRemembersWhatWasClosed(t *testing.T) {
	tr := NewTracker()
	for range 2 {
		q := tr.NewQueue()
		q.Connected("one", backlog(3, 2))
		q.Close()
	}
	down, stopped := tr.NewDependency("b"), tr.NewDependency("c")
	down.Set(errors.New("refused"))
	stopped.Set(context.Canceled)
	down.Close()
	stopped.Close()
	tr.Removed()
	assert.Empty(t, tr.Snapshot(t.Context()).Outages, "it is needed no more")
	s := tr.Final()
	assert.Equal(t, &ingest.Backlog{Pending: 3, InFlight: 2}, s.Backlog)
	require.Len(t, s.Outages, 1)
	assert.Equal(t, "b", s.Outages[0].System)
	assert.EqualValues(t, 1, s.Removed)
}
