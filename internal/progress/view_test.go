package progress

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestStatus(t *testing.T) {
	for name, tc := range map[string]struct {
		s    Snapshot
		r    rates
		want string
	}{
		"scanning": {Snapshot{Scanned: 12000}, rates{scanned: 400}, "12,000 scanned · 0 failed · 400/s"},
		"moving": {
			Snapshot{Stored: 1200, UpToDate: 34, Bytes: 5e9, FailedAttempts: 2, Failures: 1, Backlog: &ingest.Backlog{Pending: 4000, InFlight: 64}},
			rates{objects: 100, bytes: 50e6},
			"1,234 done · 4,064 pending (64 taken) · 1 failed · 2 retried · ETA 41s · 4.7 GiB · 100/s · 48 MiB/s",
		},
		"waiting": {Snapshot{Backlog: &ingest.Backlog{Pending: 1}}, rates{}, "0 done · 1 pending · 0 failed · 0 B · 0/s · 0 B/s"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, status(&tc.s, tc.r))
		})
	}
}

func TestSummary(t *testing.T) {
	assert.Equal(t,
		"8 scanned, 4 stored (2.0 KiB sent, 4/s, 1.0 KiB/s), 3 up to date, 1 vanished at the source, 2 retried, 0 failed in 2s",
		summary(&Snapshot{Elapsed: 2 * time.Second, Scanned: 8, Stored: 4, UpToDate: 3, Vanished: 1, Bytes: 2048, FailedAttempts: 2}))
	assert.Equal(t, "2 stored (0 B sent, 2/s, 0 B/s), 2 removed from the source, 0 failed, 5 left in the queue in 1s; outage: b: refused (1m0s)",
		summary(&Snapshot{Elapsed: time.Second, Stored: 2, Removed: 2, Backlog: &ingest.Backlog{Pending: 3, InFlight: 2},
			Outages: []Outage{{"b", "refused", time.Now().Add(-time.Minute)}}}))
	assert.Equal(t, "1 failed in 0s", summary(&Snapshot{Failures: 1}))
}

func TestRatesForgetWhatIsLongAgo(t *testing.T) {
	var w window
	for second := range 60 {
		done := int64(second)
		if second > 30 {
			done = 30
		}
		r := w.add(&Snapshot{Elapsed: time.Duration(second) * time.Second, Stored: done})
		switch second {
		case 0:
			assert.Zero(t, r.objects)
		case 20:
			assert.InDelta(t, 1, r.objects, 0.001)
		case 59:
			assert.Zero(t, r.objects, "nothing was done for longer than the window")
		}
	}
	assert.LessOrEqual(t, len(w.snapshots), 12)
}

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	jsonView{&out}.update(&Snapshot{Stored: 10, Backlog: &ingest.Backlog{Pending: 20}}, rates{objects: 10})
	jsonView{&out}.end(&Snapshot{Stored: 30, Elapsed: time.Second})
	dec := json.NewDecoder(&out)
	var live, final record
	require.NoError(t, dec.Decode(&live))
	require.NoError(t, dec.Decode(&final))
	assert.False(t, live.Final)
	assert.EqualValues(t, 20, *live.Pending)
	assert.InDelta(t, 2, *live.ETA, 0.001)
	assert.True(t, final.Final)
	assert.Nil(t, final.Pending)
	assert.InDelta(t, 30, final.ObjectsPerSecond, 0.001)
}

// What is printed meanwhile stays whole, and none of it is lost.
func TestScreenPassesOnWhatIsPrinted(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	terminal := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		terminal <- string(all)
	}()
	stdout, stderr := os.Stdout, os.Stdout
	was := stdout
	screen, err := NewScreen(w, &stdout, &stderr)
	require.NoError(t, err)
	tr := NewTracker()
	tr.Done(ingest.OutcomeStored)
	reporter := Report(tr, Bar, stderr, screen)
	_, err = stdout.WriteString("a log line\n")
	require.NoError(t, err)
	_, err = stderr.WriteString("without an end")
	require.NoError(t, err)
	reporter.Stop()
	screen.Close()
	assert.Equal(t, was, stdout, "the files are given back")
	require.NoError(t, w.Close())
	shown := <-terminal
	assert.Contains(t, shown, "a log line\n")
	assert.Contains(t, shown, "without an end")
	assert.Contains(t, shown, "1 stored")
}
