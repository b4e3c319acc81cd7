package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// unsortedByFolders are names that a server which walks folders lists in another
// order than that of their bytes.
func unsortedByFolders() (objects []object) {
	for _, name := range []string{"d/a", "d/z", "d-x", "d.x", "d0", "d!/y", "e.a/b", "e/f/g", "e/f-g", "é", "\U0001F600"} {
		objects = append(objects, object{key: name, size: int64(10 + len(name))})
	}
	return objects
}

// comparedWith adds destinations to the fields of a scan.
func comparedWith(source string, dests ...string) string {
	return fmt.Sprintf("%s, destinations: [ { %s } ]", source, strings.Join(dests, " }, { "))
}

func queuedIDs(t *testing.T, n *natsServer) (ids []string) {
	t.Helper()
	eachMessage(t, n, "ingest", func(msg *jetstream.RawStreamMsg) {
		var codec ingest.Codec
		require.NoError(t, codec.Unmarshal(msg.Data))
		ids = append(ids, codec.ID)
	})
	slices.Sort(ids)
	return ids
}

// TestResyncCostsListings compares the listings: what is new is stored without a
// look, and what is there already costs a request for a thousand objects a side.
func TestResyncCostsListings(t *testing.T) {
	t.Parallel()
	source, a, b, n := startMinIO(t), startVersityGW(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	a.bucket("copy")
	b.bucket("copy")
	objects := append(small(3000, "in/o"), unsortedByFolders()...)
	for i := range objects[3000:] {
		objects[3000+i].key = "in/" + objects[3000+i].key
	}
	putAll(t, source, "source", objects)
	sides := []*proxy{startProxy(t, source, nil), startProxy(t, a, nil), startProxy(t, b, nil)}
	from, toA, toB := source.fields("source", sides[0].address), a.fields("copy", sides[1].address), b.fields("copy", sides[2].address)+", prefix: copies/"
	compared := comparedWith(from+", prefix: in/", toA, toB)
	config := dequeue{source: from, outputs: []string{toA, toB}}.config(n)
	move := func() {
		t.Helper()
		p := start(t, config)
		drained(t, n, 2*time.Minute)
		p.stop()
		for _, o := range objects {
			assert.NoError(t, compare(t.Context(), a, "copy", strings.TrimPrefix(o.key, "in/"), o))
			assert.NoError(t, compare(t.Context(), b, "copy", "copies/"+strings.TrimPrefix(o.key, "in/"), o))
		}
		assert.Zero(t, n.count(t, "ingest_dead"))
	}

	scan(t, n, compared)
	require.Equal(t, len(objects), n.count(t, "ingest"))
	move()
	for _, side := range sides[1:] {
		assert.Zero(t, side.requests(http.MethodHead, "/copy/"), "looks at what is known to be absent")
	}

	for _, side := range sides {
		side.forget()
	}
	scan(t, n, compared)
	assert.Zero(t, n.count(t, "ingest"), "nothing has changed")
	for i, bucket := range []string{"/source/", "/copy/", "/copy/"} {
		// The region, one page for the connection test, and four for 3,012 objects.
		assert.Equal(t, map[string]int{"GET " + bucket: 6}, sides[i].counts, "requests at side %d", i)
	}

	changed := object{key: "in/o00007", size: 77, revision: 1}
	objects[7] = changed
	putAll(t, source, "source", []object{changed})
	require.NoError(t, b.Client.RemoveObject(t.Context(), "copy", "copies/d-x", minio.RemoveObjectOptions{}))
	scan(t, n, compared)
	assert.Equal(t, []string{"in/d-x", "in/o00007"}, queuedIDs(t, n))
	move()
}

// TestScanWaitsForADestinationThatFails neither queues nor leaves out anything while
// a destination cannot be listed.
func TestScanWaitsForADestinationThatFails(t *testing.T) {
	t.Parallel()
	source, dest, n := startVersityGW(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(2500, "o")
	putAll(t, source, "source", objects)
	putAll(t, dest, "copy", objects[:2499])
	failed := make(chan struct{}, 100)
	flaky := startProxy(t, dest, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("continuation-token") == "" || len(failed) == 4 {
			return false
		}
		failed <- struct{}{}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	p := start(t, enqueueConfig(n, comparedWith(source.fields("source"), dest.fields("copy", flaky.address))))
	require.Zero(t, p.wait(2*time.Minute), "%s", p.logs)
	assert.Contains(t, p.logs.String(), "destinations.0 s3://")
	assert.Len(t, failed, 4)
	assert.Equal(t, []string{"o02499"}, queuedIDs(t, n))
}
