package integration

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An object that processors cut into several batches is cleaned up only when the
// last of its pieces is stored, and not if one of them never is.
func TestSplitIsCleanedUpAsAWhole(t *testing.T) {
	s, n := startVersityGW(t), startNATS(t)
	s.bucket("source")
	s.bucket("copy")
	_, err := s.Client.PutObject(t.Context(), "source", "lines.txt", strings.NewReader("a\nb\nc"), 5, minio.PutObjectOptions{})
	require.NoError(t, err)
	scan(t, n, s.fields("source"))
	var refuse atomic.Bool
	refuse.Store(true)
	refused := make(chan struct{}, 100)
	proxy := startProxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/b") || !refuse.Load() {
			return false
		}
		refused <- struct{}{}
		http.Error(w, "no", http.StatusBadRequest)
		return true
	})
	config := strings.Replace(dequeue{
		source:  s.fields("source") + ", operation: read",
		outputs: []string{s.fields("copy", proxy.address) + `, key: '${! content() }'`},
		cleanUp: true, queue: ", backoff: { min: 100ms, max: 500ms }, max_attempts: 50",
	}.config(n), "output:\n", `    - unarchive: { format: lines }
    - split: { size: 1 }
output:
`, 1)
	start(t, config)
	for range 3 {
		select {
		case <-refused:
		case <-time.After(time.Minute):
			require.FailNow(t, "the piece is not tried")
		}
	}
	assert.Contains(t, s.keys("source"), "lines.txt", "a piece is missing")
	refuse.Store(false)
	require.Eventually(t, func() bool { return len(s.keys("source")) == 0 }, time.Minute, tick, "it is not cleaned up")
	assert.ElementsMatch(t, []string{"a", "b", "c"}, slices.Collect(maps.Keys(s.keys("copy"))))
	drained(t, n, time.Minute)
}
