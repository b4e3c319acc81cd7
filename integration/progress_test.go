package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	p := startArgs(t, "", "demo")
	require.Zero(t, p.wait(time.Minute), "%s", p.logs)
	out := p.logs.String()
	assert.NotContains(t, out, "differs")
	assert.Equal(t, 24, strings.Count(out, "  verified\n"), "every object is verified")
	assert.Regexp(t, `flaky/unreliable-line.bin +768 KiB +3 +\w+… +verified`, out, "it failed twice, and recovered")
	assert.Contains(t, out, "2 retried, 0 failed")
	assert.Contains(t, out, "progress: 24 scanned · ", "lines where there is no terminal")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left behind")
}

// streamsOfOneProcess writes a pair of pipelines that share an embedded queue.
func streamsOfOneProcess(t *testing.T, source, destination, queue string) []string {
	t.Helper()
	dir := t.TempDir()
	enqueue, dequeue := filepath.Join(dir, "enqueue.yaml"), filepath.Join(dir, "dequeue.yaml")
	store := filepath.Join(dir, "queue")
	require.NoError(t, os.WriteFile(enqueue, fmt.Appendf(nil, `
input:
  ingest_s3: { %s, interval: 1h }
output:
  ingest_queue: { store_dir: %q, subject: %s }
`, source, store, subject), 0o600))
	require.NoError(t, os.WriteFile(dequeue, fmt.Appendf(nil, `
input:
  ingest_queue: { store_dir: %q, subject: %s%s }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_s3: { %s }
`, store, subject, queue, source, destination), 0o600))
	return []string{"--no-api", "--set", "http.enabled=false", enqueue, dequeue}
}

type progressLine struct {
	Final          bool   `json:"final"`
	Scanned        int64  `json:"scanned"`
	Stored         int64  `json:"stored"`
	UpToDate       int64  `json:"up_to_date"`
	Bytes          int64  `json:"bytes"`
	Pending        *int64 `json:"pending"`
	FailedAttempts int64  `json:"failed_attempts"`
	Failed         int64  `json:"failed"`
	Outages        []struct {
		System string    `json:"system"`
		Error  string    `json:"error"`
		Since  time.Time `json:"since"`
	} `json:"outages"`
}

func progressLines(t *testing.T, out string) (lines []progressLine) {
	t.Helper()
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") {
			var l progressLine
			require.NoError(t, json.Unmarshal([]byte(line), &l), line)
			lines = append(lines, l)
		}
	}
	return lines
}

// A run that is to end when all is done ends by itself, also where scans are
// repeated, and tells what it did.
func TestProgressUntilDone(t *testing.T) {
	s := startVersityGW(t)
	from, to := s.bucket("source"), s.bucket("copy")
	objects := small(300, "a/")
	putAll(t, s, from, objects)
	args := streamsOfOneProcess(t, s.fields(from), s.fields(to), "")
	run := func() progressLine {
		p := startArgs(t, "", append([]string{"streams", "--progress=json", "--until-done"}, args...)...)
		require.Zero(t, p.wait(time.Minute), "%s", p.logs)
		lines := progressLines(t, p.logs.String())
		require.NotEmpty(t, lines)
		return lines[len(lines)-1]
	}
	first := run()
	assert.True(t, first.Final)
	assert.EqualValues(t, len(objects), first.Scanned)
	assert.EqualValues(t, len(objects), first.Stored)
	assert.Positive(t, first.Bytes)
	requireSame(t, s, to, "", objects)

	second := run()
	assert.EqualValues(t, len(objects), second.UpToDate)
	assert.Zero(t, second.Stored)
	assert.Zero(t, second.Bytes)
}

// What is given up fails the run.
func TestProgressFailsWithDeadLetters(t *testing.T) {
	s := startVersityGW(t)
	from, to := s.bucket("source"), s.bucket("copy")
	putAll(t, s, from, []object{{key: "good", size: 4}, {key: "bad", size: 3}})
	// Only its name at the destination makes it bad.
	destination := s.fields(to) + `, key: '${! if metadata("ingest_name") == "bad" { "../bad" } else { metadata("ingest_name") } }'`
	args := streamsOfOneProcess(t, s.fields(from), destination, "")
	p := startArgs(t, "", append([]string{"streams", "--progress=plain", "--until-done"}, args...)...)
	require.Equal(t, 1, p.wait(time.Minute), "%s", p.logs)
	assert.Contains(t, p.logs.String(), "1 failed in ")
	assert.Contains(t, p.logs.String(), "ingest: 1 failed for good")
}

func TestProgressRefusesAnUnknownMode(t *testing.T) {
	p := startArgs(t, "", "run", "--progress=loud", writeConfig(t, "input: { stdin: {} }"))
	require.Equal(t, 1, p.wait(time.Minute))
	assert.Contains(t, p.logs.String(), "auto, bar, plain or json was expected")
}

// Who stops a run that was to go on until all is done is told that it was not.
func TestUntilDoneInterrupted(t *testing.T) {
	s := startVersityGW(t)
	source := s.bucket("source")
	putAll(t, s, source, small(3, "o"))
	args := streamsOfOneProcess(t, s.fields(source), s.fields("missing"), "")
	p := startArgs(t, "", append([]string{"streams", "--progress=plain", "--until-done"}, args...)...)
	require.Eventually(t, func() bool {
		logs := p.logs.String()
		return strings.Contains(logs, "scanned 3 elements") && strings.Contains(logs, "Input type ingest_queue is now active")
	}, time.Minute, tick)
	p.stop()
	assert.Equal(t, 1, p.code)
	assert.Contains(t, p.logs.String(), "ingest: stopped before all was done")
	_, summary, _ := strings.Cut(p.logs.String(), "summary: ")
	assert.Regexp(t, `^3 scanned, .*3 left in the queue in .*; outage: .*missing`, summary)
}

func TestNoSummaryWithoutARun(t *testing.T) {
	p := startArgs(t, "", "streams", "--progress", writeConfig(t, "input: { ingest_s3: { bukket: x } }"))
	require.Equal(t, 1, p.wait(time.Minute))
	assert.Contains(t, p.logs.String(), "bukket")
	assert.NotContains(t, p.logs.String(), "summary:")
	assert.NotContains(t, p.logs.String(), "{{")
}

// What is queued where nothing takes it is no success, and no failure where the other
// half runs elsewhere.
func TestUntilDoneOfQueuesThatDoNotFit(t *testing.T) {
	s := startVersityGW(t)
	from, to := s.bucket("source"), s.bucket("copy")
	putAll(t, s, from, small(3, "o"))
	args := streamsOfOneProcess(t, s.fields(from), s.fields(to), "")
	enqueue, dequeue := args[len(args)-2], args[len(args)-1]
	run := func(args ...string) *process {
		p := startArgs(t, "", append([]string{"streams", "--until-done", "--no-api", "--set", "http.enabled=false"}, args...)...)
		p.wait(time.Minute)
		return p
	}
	fits, err := os.ReadFile(dequeue)
	require.NoError(t, err)
	for name, from := range map[string]string{subject: "typo." + subject, "/queue": "/another"} {
		require.NoError(t, os.WriteFile(dequeue, []byte(strings.Replace(string(fits), name, from, 1)), 0o600))
		// The second run finds them queued.
		for range 2 {
			p := run(enqueue, dequeue)
			assert.Equal(t, 1, p.code, "%s", p.logs)
			assert.Contains(t, p.logs.String(), "ingest: 3 messages are in stream ingest in ")
			assert.Contains(t, p.logs.String(), "subject "+subject+", which nothing here takes")
			assert.NotContains(t, p.logs.String(), "the queues are empty")
			assert.Contains(t, p.logs.String(), "warning: "+enqueue+"(5,1) nothing here takes from "+subject+" in stream ingest at ")
		}
		out := output(t, "check", enqueue, dequeue)
		assert.Contains(t, out, "note        warning: nothing here takes from "+subject)
	}
	p := run(enqueue)
	assert.Zero(t, p.code, "%s", p.logs)
	assert.Contains(t, p.logs.String(), "ingest: 0 messages queued in stream ingest in ")
	assert.Contains(t, p.logs.String(), "3 were there before")
	assert.NotContains(t, p.logs.String(), "the queues are empty")

	require.NoError(t, os.WriteFile(dequeue, fits, 0o600))
	p = run(enqueue, dequeue)
	assert.Zero(t, p.code, "%s", p.logs)
	assert.Contains(t, p.logs.String(), "the queues are empty")
}
