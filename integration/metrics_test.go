package integration

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestQueueMetrics looks at the gauges of the queue during an outage and after it.
func TestQueueMetrics(t *testing.T) {
	t.Parallel()
	source, dest, n := startVersityGW(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	putAll(t, source, "source", small(20, "o"))
	scan(t, n, source.fields("source"))
	spoil(t, n, openQueue(t, n), 0, 1)
	var over atomic.Bool
	proxy := startProxy(t, dest, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || over.Load() {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	p := start(t, dequeue{
		source: source.fields("source"), outputs: []string{dest.fields("copy", proxy.address) + ", prefix: copy/"},
		queue: ", prefetch: 2, max_ack_pending: 4, backoff: { min: 100ms, max: 1s }",
	}.config(n))
	type state struct{ pending, taken, dead, outage int }
	now := func() state {
		return state{
			p.metric("ingest_queue_pending"), p.metric("ingest_queue_taken"),
			p.metric("ingest_queue_dead_letters"), p.metric("ingest_queue_outage"),
		}
	}
	require.Eventually(t, func() bool {
		s := now()
		return s.pending >= 16 && s.taken > 0 && s.taken <= 4 && s.outage == 1
	}, 30*time.Second, tick, "unexpected state of the queue")
	over.Store(true)
	drained(t, n, time.Minute)
	require.Eventually(t, func() bool { return now() == state{dead: 2} }, 30*time.Second, tick, "unexpected state of the queue")
	assert.Len(t, dest.keys("copy"), 20)
}
