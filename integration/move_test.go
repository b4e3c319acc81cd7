package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTenThousandObjects moves objects of all sizes from MinIO to two servers, finds
// nothing to do the second time, and cleans up the third time.
func TestTenThousandObjects(t *testing.T) {
	source, a, b, n := startMinIO(t), startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	a.bucket("copy-a")
	b.bucket("copy-b")
	objects := lognormal(10_000, "in/")
	putAll(t, source, "source", objects)

	// Whatever is removed at the source must be at both destinations by then.
	var mu sync.Mutex
	var early []string
	guard := startProxy(t, source, func(_ http.ResponseWriter, r *http.Request) bool {
		key, ok := strings.CutPrefix(r.URL.Path, "/source/")
		if r.Method != http.MethodDelete || !ok {
			return false
		}
		for server, bucket := range map[*s3Server]string{a: "copy-a", b: "copy-b"} {
			if _, err := server.StatObject(r.Context(), bucket, "out/"+strings.TrimPrefix(key, "in/"), minio.StatObjectOptions{}); err != nil {
				mu.Lock()
				early = append(early, fmt.Sprintf("%s: %v", key, err))
				mu.Unlock()
			}
		}
		return false
	})
	pa, pb := startProxy(t, a, nil), startProxy(t, b, nil)
	d := dequeue{
		source:  source.fields("source", guard.address),
		outputs: []string{a.fields("copy-a", pa.address) + ", prefix: out/", b.fields("copy-b", pb.address) + ", prefix: out/"},
	}
	scan(t, n, source.fields("source")+", prefix: in/")
	first := start(t, d.config(n))
	drained(t, n, 10*time.Minute)
	first.stop()
	requireCopies(t, a, "copy-a", objects)
	requireCopies(t, b, "copy-b", objects)
	assert.Len(t, a.keys("copy-a"), len(objects))
	assert.Len(t, b.keys("copy-b"), len(objects))

	putsBefore := total(pa.puts("copy-a")) + total(pb.puts("copy-b"))
	require.GreaterOrEqual(t, putsBefore, 2*len(objects))
	scan(t, n, source.fields("source")+", prefix: in/")
	second := start(t, d.config(n))
	drained(t, n, 10*time.Minute)
	second.counts(2*len(objects), "ingest_storage_objects_total", `result="up_to_date"`)
	second.stop()
	assert.Equal(t, putsBefore, total(pa.puts("copy-a"))+total(pb.puts("copy-b")), "the second run uploaded something")
	assert.Len(t, source.keys("source"), len(objects))

	d.cleanUp = true
	scan(t, n, source.fields("source")+", prefix: in/")
	third := start(t, d.config(n))
	drained(t, n, 10*time.Minute)
	third.stop()
	assert.Empty(t, source.keys("source"))
	assert.Empty(t, early, "removed at the source before both destinations had it")
	requireCopies(t, a, "copy-a", objects)
	requireCopies(t, b, "copy-b", objects)
	assert.Zero(t, n.count(t, "ingest_dead"))
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// requireCopies compares the copies beneath out/ of what was beneath in/.
func requireCopies(t *testing.T, s *s3Server, bucket string, objects []object) {
	t.Helper()
	requireEach(t, objects, func(ctx context.Context, o object) error {
		return compare(ctx, s, bucket, "out/"+strings.TrimPrefix(o.key, "in/"), o)
	})
}

// TestLargeObject streams 5 GiB with flat memory.
func TestLargeObject(t *testing.T) {
	source, dest, n := startVersityGW(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	large := object{key: "large", size: 5 << 30}
	putAll(t, source, "source", []object{large})
	scan(t, n, source.fields("source"))
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}}.config(n))
	drained(t, n, 10*time.Minute)
	peak := p.peakRSS()
	p.stop()
	t.Logf("peak RSS %d MiB", peak>>20)
	assert.Less(t, peak, 256<<20)
	requireSame(t, dest, "copy", "", []object{large})
	assert.Equal(t, source.keys("source")["large"].ETag, dest.keys("copy")["large"].ETag)
	assert.Zero(t, dest.unfinished("copy", "large"))
}
