package integration

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDeletions deletes at destinations what is gone from the source, and nothing
// that is there again.
func TestDeletions(t *testing.T) {
	for _, kind := range []string{"versitygw", "minio versioned"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source, a, b, n := startMinIO(t), startS3(t, strings.Fields(kind)[0]), startMinIO(t), startNATS(t)
			versioned := strings.HasSuffix(kind, "versioned")
			source.bucket("source")
			a.bucket("copy")
			b.bucket("copy")
			if versioned {
				require.NoError(t, a.EnableVersioning(t.Context(), "copy"))
			}
			objects := small(20, "o")
			putAll(t, source, "source", objects)
			toA, toB := a.fields("copy")+", prefix: copies/, metafiles_prefix: copies/meta/", b.fields("copy")
			compared := comparedWith(source.fields("source"), toA, toB) + ", delete: true, max_delete: 5"
			move := func() {
				t.Helper()
				p := start(t, dequeue{source: source.fields("source"), outputs: []string{toA, toB}}.config(n))
				drained(t, n, time.Minute)
				p.stop()
				assert.Zero(t, n.count(t, "ingest_dead"))
			}
			scan(t, n, compared)
			require.Equal(t, 20, n.count(t, "ingest"))
			move()

			// One was never at the source, and is at one destination only.
			require.NoError(t, object{key: "x", size: 5}.put(t.Context(), b, "copy"))
			for _, o := range objects[:4] {
				require.NoError(t, source.Client.RemoveObject(t.Context(), "source", o.key, minio.RemoveObjectOptions{}))
			}
			scan(t, n, compared)
			assert.Equal(t, []string{"o00000", "o00001", "o00002", "o00003", "x"}, queuedIDs(t, n))
			back := object{key: "o00003", size: 50, revision: 1}
			putAll(t, source, "source", []object{back})
			move()

			left := append([]object{back}, objects[4:]...)
			requireSame(t, a, "copy", "copies/", left)
			requireSame(t, b, "copy", "", left)
			assert.Len(t, a.keys("copy"), 2*len(left), "objects and their metafiles")
			assert.Len(t, b.keys("copy"), len(left))
			if versioned {
				var versions []bool
				for v := range a.ListObjectsIter(t.Context(), "copy", minio.ListObjectsOptions{Prefix: "copies/o00000", WithVersions: true}) {
					versions = append(versions, v.IsDeleteMarker)
				}
				assert.Equal(t, []bool{true, false}, versions, "a marker, and the object beneath")
			}
			scan(t, n, compared)
			assert.Zero(t, n.count(t, "ingest"))
		})
	}
}

// TestDeletionsInDoubt deletes nothing, and says so, where a scan cannot be sure.
func TestDeletionsInDoubt(t *testing.T) {
	t.Parallel()
	source, dest, n := startVersityGW(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	source.bucket("wrong")
	dest.bucket("copy")
	objects := small(10, "o")
	putAll(t, dest, "copy", objects)
	putAll(t, source, "source", objects[:8])
	var failures atomic.Int32
	failing := func(s *s3Server) string {
		// The first listing is the connection test.
		var listings atomic.Int32
		return startProxy(t, s, func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("list-type") != "2" || listings.Add(1) == 1 || failures.Add(1) > 3 {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}).address
	}
	for name, tc := range map[string]struct{ source, dest, more, says string }{
		"too many":               {source.fields("source"), dest.fields("copy"), "max_delete: 1", "more than 1 objects"},
		"an empty source":        {source.fields("wrong"), dest.fields("copy"), "max_delete: 10", "nothing at all"},
		"the source failed":      {source.fields("source", failing(source)), dest.fields("copy"), "max_delete: 10", "503"},
		"the destination failed": {source.fields("source"), dest.fields("copy", failing(dest)), "max_delete: 10", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			failures.Store(0)
			p := start(t, enqueueConfig(n, comparedWith(tc.source, tc.dest)+", delete: true, "+tc.more))
			assert.NotZero(t, p.wait(time.Minute))
			assert.Contains(t, p.logs.String(), "nothing is deleted")
			assert.Contains(t, p.logs.String(), tc.says)
			assert.Zero(t, n.count(t, "ingest"))
		})
	}
	scan(t, n, comparedWith(source.fields("source"), dest.fields("copy"))+", delete: true")
	assert.Equal(t, []string{"o00008", "o00009"}, queuedIDs(t, n))
}

// TestDeletionsAlongWithCleanUp reach workers that clean up, which refuse them.
func TestDeletionsAlongWithCleanUp(t *testing.T) {
	t.Parallel()
	source, dest, n := startVersityGW(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(5, "o")
	putAll(t, source, "source", objects[:3])
	putAll(t, dest, "copy", objects)
	scan(t, n, comparedWith(source.fields("source"), dest.fields("copy"))+", delete: true")
	require.Equal(t, 2, n.count(t, "ingest"))
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}, cleanUp: true}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	requireSame(t, dest, "copy", "", objects)
	dead := deadLetters(t, openQueue(t, n))
	require.Len(t, dead, 2)
	for id, err := range dead {
		assert.Contains(t, err, "clean_up", id)
	}
}
