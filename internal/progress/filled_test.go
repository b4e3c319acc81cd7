package progress

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnread(t *testing.T) {
	tr := NewTracker()
	assert.False(t, tr.Consumes())
	tr.NewQueue().Connected("1/ingest/taken", backlog(0, 0))
	assert.True(t, tr.Consumes())
	tr.Fills("1/ingest/taken", "taken").Queued()
	tr.Fills("1/ingest/nothing", "nothing")
	tr.Fills("1/ingest/typo", "typo").Queued()
	tr.Fills("1/ingest/typo", "typo").WasQueued()
	tr.Fills("2/ingest/taken", "elsewhere").WasQueued()
	assert.Equal(t, []Unread{{"elsewhere", 0, 1}, {"typo", 1, 1}}, tr.Unread())
}
