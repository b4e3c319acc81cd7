package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ingest-bundle/ingest/internal/progress"
)

// What is in a queue of its own at the end is a mistake, and nobody's where the run
// was stopped before its inputs had connected.
func TestUnreadOfARunThatWasStopped(t *testing.T) {
	p, tr := &runProgress{untilDone: true}, progress.NewTracker()
	tr.Fills("1/ingest/a", "a").Queued()
	assert.False(t, p.tellUnread(tr), "the other half runs elsewhere")
	tr.NewQueue()
	assert.False(t, p.tellUnread(tr))
	p.done.Store(true)
	assert.True(t, p.tellUnread(tr))
}
