package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestInline puts small objects into the queue whole. They are moved without another
// look at their contents, unless they have changed since, and cleaned up as ever.
func TestInline(t *testing.T) {
	t.Parallel()
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := []object{{key: "empty"}, {key: "small", size: 1000}, {key: "newer", size: 1000}, {key: "large", size: 1001}}
	putAll(t, source, "source", objects)
	config := strings.Replace(enqueueConfig(n, source.fields("source")), "\noutput:", fmt.Sprintf(`
pipeline:
  processors:
    - ingest_s3: { %s, operation: inline, max_bytes: 1000 }
output:`, source.fields("source")), 1)
	p := start(t, config)
	require.Zero(t, p.wait(time.Minute), "%s", p.logs)

	for i := range objects {
		if objects[i].key == "newer" {
			objects[i].size = 2000
			require.NoError(t, objects[i].put(t.Context(), source, "source"))
		}
	}
	var mu sync.Mutex
	fetched := map[string]int{}
	through := startProxy(t, source, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && !r.URL.Query().Has("list-type") && !r.URL.Query().Has("location") && !r.URL.Query().Has("versioning") && !r.URL.Query().Has("tagging") {
			mu.Lock()
			defer mu.Unlock()
			fetched[r.URL.Path]++
		}
		return false
	})
	d := start(t, dequeue{source: source.fields("source", through.address), outputs: []string{dest.fields("copy")}, cleanUp: true}.config(n))
	drained(t, n, time.Minute)
	requireSame(t, dest, "copy", "", objects)
	assert.Empty(t, source.keys("source"))
	assert.Zero(t, n.count(t, "ingest_dead"))
	d.stop()
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, map[string]int{"/source/newer": 1, "/source/large": 1}, fetched)
}
