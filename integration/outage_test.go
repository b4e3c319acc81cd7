package integration

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ready returns what /ready answers; 0 while nobody answers.
func (p *process) ready() (status int, text string) {
	p.t.Helper()
	resp, err := http.Get("http://" + p.address + "/ready")
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(body)
}

// awaitReady waits until all that runs is connected: not until then, for sure, does a
// process hear signals.
func (p *process) awaitReady() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		status, _ := p.ready()
		return status == http.StatusOK
	}, time.Minute, tick, "%s", p.logs)
}

// outage returns the texts of the outages in the last line of progress.
func (p *process) outage() (texts []string) {
	p.t.Helper()
	all := p.logs.String()
	lines := progressLines(p.t, all[:strings.LastIndexByte(all, '\n')+1])
	if len(lines) == 0 {
		return []string{"no line yet"}
	}
	for _, o := range lines[len(lines)-1].Outages {
		texts = append(texts, o.System+": "+o.Error)
	}
	return texts
}

// dequeueInto starts a dequeuer that shows its progress.
func dequeueInto(t *testing.T, n *natsServer, source, destination string) *process {
	t.Helper()
	address := freeAddress(t)
	config := dequeue{source: source, outputs: []string{destination}}.config(n)
	return startArgs(t, address, "run", "--progress=json", "--set", "http.address="+address, writeConfig(t, config))
}

// TestOutageIsShown has a destination that is down to begin with, comes up, goes down,
// and comes up again.
func TestOutageIsShown(t *testing.T) {
	n, source, dest := startNATS(t), startVersityGW(t), startVersityGW(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(20, "first/")
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	dest.stop()

	p := dequeueInto(t, n, source.fields("source"), dest.fields("copy"))
	isDown := func() bool {
		texts := p.outage()
		return len(texts) == 1 && strings.Contains(texts[0], "dial tcp "+dest.endpoint) && strings.Contains(texts[0], "refused")
	}
	isUp := func() bool { return len(p.outage()) == 0 }
	require.Eventually(t, isDown, time.Minute, tick)
	assert.Contains(t, p.outage()[0], "s3://"+dest.endpoint+"/copy/: dial", "it says which destination")
	status, text := p.ready()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, text, "connection refused")

	dest.start()
	require.Eventually(t, isUp, time.Minute, tick)
	drained(t, n, time.Minute)
	requireSame(t, dest, "copy", "", objects)
	status, _ = p.ready()
	assert.Equal(t, http.StatusOK, status)

	dest.stop()
	later := small(5, "second/")
	putAll(t, source, "source", later)
	scan(t, n, source.fields("source"))
	require.Eventually(t, isDown, time.Minute, tick)
	dest.start()
	drained(t, n, 2*time.Minute)
	require.Eventually(t, isUp, time.Minute, tick)
	requireSame(t, dest, "copy", "", append(objects, later...))
	assert.Zero(t, n.count(t, "KV_ingest_attempts"))
	assert.NotContains(t, p.logs.String(), secretKey)
}

// TestStopWhileADestinationIsDown gives back what waits for it.
func TestStopWhileADestinationIsDown(t *testing.T) {
	n, source, dest := startNATS(t), startVersityGW(t), startVersityGW(t)
	source.bucket("source")
	putAll(t, source, "source", small(20, "o"))
	scan(t, n, source.fields("source"))
	dest.stop()
	p := dequeueInto(t, n, source.fields("source"), dest.fields("copy"))
	require.Eventually(t, func() bool { return p.metric("ingest_queue_taken") == 20 && len(p.outage()) == 1 }, time.Minute, tick)

	begun := time.Now()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, p.wait(20*time.Second))
	assert.Less(t, time.Since(begun), 3*time.Second)
	assert.Equal(t, 20, available(t, n, 20), "another worker has them at once")
	assert.Zero(t, n.count(t, "KV_ingest_attempts"))
	_, stopped, _ := strings.Cut(p.logs.String(), "Received SIGTERM")
	assert.Contains(t, stopped, "the message goes back")
	assert.NotContains(t, stopped, "Failed to connect")
	assert.NotContains(t, stopped, "context canceled")
}

// TestStopWhileTheQueueIsDown stops an enqueuer that never reached its queue.
func TestStopWhileTheQueueIsDown(t *testing.T) {
	source := startVersityGW(t)
	source.bucket("source")
	putAll(t, source, "source", small(5, "o"))
	at := freeAddress(t)
	p := startArgs(t, "", "run", "--progress=json", "--set", "http.enabled=false", writeConfig(t, `
input:
  ingest_s3: { `+source.fields("source")+`, interval: 1h }
output:
  ingest_queue: { urls: [ "nats://ingest:hush-hush@`+at+`" ], subject: `+subject+` }
`))
	require.Eventually(t, func() bool {
		texts := p.outage()
		return len(texts) == 1 && strings.Contains(texts[0], "nats://"+at) && strings.Contains(texts[0], "no servers available")
	}, time.Minute, tick)
	begun := time.Now()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.wait(20 * time.Second)
	assert.Less(t, time.Since(begun), 3*time.Second)
	assert.NotContains(t, p.logs.String(), "hush-hush")
}
