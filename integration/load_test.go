package integration

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// number returns that in an environment variable, by which the make targets ask for
// more than a quick run of all tests does.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}

// killEvery is how often a dequeuer is killed under load. One is also killed at each
// fifth of the work, however fast that is done.
const killEvery = 5 * time.Second

// TestLoad has several dequeuers work off a queue while they are killed one after the
// other, each with what it holds, and replaced.
func TestLoad(t *testing.T) {
	messages := number(t, "INGEST_LOAD_MESSAGES", 2000)
	processes := number(t, "INGEST_LOAD_PROCESSES", 3)
	limit := time.Minute + time.Duration(messages)*2*time.Millisecond
	n, r := startNATS(t), startRecorder(t, messages)

	begun := time.Now()
	p := start(t, enqueueConfig(n, r.fields("source")))
	require.Zero(t, p.wait(limit), "%s", p.logs)
	require.Equal(t, messages, n.count(t, "ingest"))
	t.Logf("%d messages were queued in %s", messages, time.Since(begun).Round(time.Millisecond))

	begun = time.Now()
	config := dequeue{source: r.fields("source"), outputs: []string{r.fields("copy") + ", server_copy: false"}}.config(n)
	workers := make([]*process, processes)
	for i := range workers {
		workers[i] = start(t, config)
	}
	kills, killed := 0, time.Now()
	for n.count(t, "ingest") > 0 {
		require.Less(t, time.Since(begun), limit, "the queue is not worked off: %d of %d are stored", r.stored(), messages)
		time.Sleep(tick) // between looks
		if share := r.stored() * 5 / messages; time.Since(killed) < killEvery && kills >= share {
			continue
		}
		i := kills % processes
		workers[i].kill()
		workers[i] = start(t, config)
		kills, killed = kills+1, time.Now()
	}
	took := time.Since(begun)
	for _, w := range workers {
		w.stop()
	}

	lost, twice := r.tally()
	t.Logf("%d messages, %d processes, %d kills in %s (%.0f objects/s): %d lost, %d stored twice",
		messages, processes, kills, took.Round(time.Millisecond), float64(messages)/took.Seconds(), lost, twice)
	assert.Zero(t, lost)
	assert.Empty(t, r.wrong)
	assert.Positive(t, kills)
	assert.Zero(t, n.count(t, "ingest_dead"))
	assert.Zero(t, n.count(t, "KV_ingest_attempts"), "a kill counted as a failed attempt")
}
