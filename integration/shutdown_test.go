package integration

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// available takes what another worker can get, and returns how many messages that
// is once there are as many as wanted, or the deadline of the dead worker could
// have passed.
func available(t *testing.T, n *natsServer, want int) int {
	t.Helper()
	sub, err := openQueue(t, n).Subscribe(t.Context())
	require.NoError(t, err)
	defer sub.Close(context.Background()) //nolint:errcheck // the test is about the other worker
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	got := 0
	for got < want {
		deliveries, err := sub.Pop(ctx, want)
		if err != nil {
			break
		}
		got += len(deliveries)
	}
	return got
}

// blockedDequeuer starts a dequeuer whose first uploads wait for the gate.
func blockedDequeuer(t *testing.T, more string) (p *process, n *natsServer, dest *s3Server, open func()) {
	source := startMinIO(t)
	dest, n = startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(50, "small/")
	for i := range 4 {
		objects = append(objects, object{key: string(rune('0' + i)), size: 20 << 20})
	}
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	gate := make(chan struct{})
	open = sync.OnceFunc(func() { close(gate) })
	var waiting atomic.Int32
	slow := startProxy(t, dest, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path != "/copy/small/00000" {
			waiting.Add(1)
			select {
			case <-gate:
			case <-r.Context().Done():
			}
		}
		return false
	})
	t.Cleanup(open)
	p = start(t, more+dequeue{
		source:  source.fields("source"),
		outputs: []string{dest.fields("copy", slow.address)},
		extra:   "    max_in_flight: 4",
	}.config(n))
	require.Eventually(t, func() bool { return waiting.Load() >= 4 }, time.Minute, tick)
	return p, n, dest, open
}

// TestStopFinishesWhatIsInFlight gives back at once what was only fetched ahead,
// and finishes the rest.
func TestStopFinishesWhatIsInFlight(t *testing.T) {
	p, n, dest, open := blockedDequeuer(t, "")
	before := len(dest.keys("copy"))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	// Four are being stored, and a few more are on their way there.
	assert.GreaterOrEqual(t, available(t, n, 54-before-12), 54-before-12, "what was fetched ahead is not given back")
	open()
	assert.Zero(t, p.wait(30*time.Second))
	stored := len(dest.keys("copy"))
	assert.GreaterOrEqual(t, stored, before+4)
	assert.Equal(t, 54-stored, n.count(t, "ingest"))
	assert.Zero(t, n.count(t, "KV_ingest_attempts"))
}

// TestStopGivesUpInTime ends within shutdown_timeout, though an upload is stuck,
// and leaves nothing behind.
func TestStopGivesUpInTime(t *testing.T) {
	p, n, dest, _ := blockedDequeuer(t, "shutdown_timeout: 4s\n")
	pending := n.count(t, "ingest")
	begun := time.Now()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.wait(20 * time.Second)
	assert.Less(t, time.Since(begun), 10*time.Second)
	assert.Equal(t, pending, n.count(t, "ingest"))
	assert.Equal(t, pending, available(t, n, pending))
	assert.Zero(t, n.count(t, "KV_ingest_attempts"))
	assert.Zero(t, dest.unfinished("copy", "0", "1", "2", "3"))
}
