package integration

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestLimits moves what the limits allow no faster than in three seconds, and takes
// none of the waiting, which is longer than stall_timeout, for a stall.
func TestLimits(t *testing.T) {
	large := []object{{key: "a", size: 400_000}, {key: "b", size: 260_000}}
	for name, tc := range map[string]struct {
		source, output string
		objects        []object
	}{
		// A look and a put for each.
		"requests": {output: "requests_per_second: 20", objects: small(32, "o")},
		"reading":  {source: "bytes_per_second: 200000", objects: large},
		"writing":  {output: "bytes_per_second: 200000", objects: large},
	} {
		t.Run(name, func(t *testing.T) {
			server, n := startVersityGW(t), startNATS(t)
			putAll(t, server, server.bucket("source"), tc.objects)
			server.bucket("copy")
			var first time.Time
			var once sync.Once
			p := startProxy(t, server, func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/copy/" {
					once.Do(func() { first = time.Now() })
				}
				return false
			})
			scan(t, n, server.fields("source"))
			worker := start(t, dequeue{
				source:  server.fields("source", p.address) + ", " + tc.source,
				outputs: []string{server.fields("copy", p.address) + ", server_copy: false, stall_timeout: 1s, " + tc.output},
			}.config(n))
			drained(t, n, time.Minute)
			assert.Greater(t, time.Since(first), 3*time.Second)
			worker.counts(len(tc.objects), "ingest_storage_objects_total", `result="stored"`)
			assert.Zero(t, worker.metric("ingest_storage_objects_total", `result="error"`))
			requireSame(t, server, "copy", "", tc.objects)
		})
	}
}
