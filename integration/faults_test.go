package integration

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKilledTenTimes kills the dequeuer without a warning at ten random moments.
func TestKilledTenTimes(t *testing.T) {
	t.Parallel()
	source, a, b, n := startMinIO(t), startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	a.bucket("copy")
	b.bucket("copy")
	objects := small(400, "small/")
	var keys []string
	for i := range 12 {
		objects = append(objects, object{key: fmt.Sprintf("large/%d", i), size: 40 << 20})
	}
	for _, o := range objects {
		keys = append(keys, o.key)
	}
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	config := dequeue{source: source.fields("source"), outputs: []string{a.fields("copy"), b.fields("copy")}, cleanUp: true}.config(n)
	random := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		p := start(t, config)
		time.Sleep(time.Duration(300+random.IntN(1200)) * time.Millisecond) // the random moment
		p.kill()
	}
	p := start(t, config)
	drained(t, n, 5*time.Minute)
	p.stop()
	for _, s := range []*s3Server{a, b} {
		requireSame(t, s, "copy", "", objects)
		assert.Len(t, s.keys("copy"), len(objects))
		assert.Zero(t, s.unfinished("copy", keys...), "unfinished uploads at %s", s.kind)
	}
	assert.Empty(t, source.keys("source"))
	assert.Zero(t, n.count(t, "ingest_dead"))
}

// TestDestinationDown stops one of two destinations for a minute.
func TestDestinationDown(t *testing.T) {
	t.Parallel()
	source, a, b, n := startMinIO(t), startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	a.bucket("copy")
	b.bucket("copy")
	objects := small(3000, "o")
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{a.fields("copy"), b.fields("copy")}, cleanUp: true, queue: ", max_attempts: 2"}.config(n))
	require.Eventually(t, func() bool { return len(b.keys("copy")) > 100 }, time.Minute, tick)
	b.stop()
	down := time.Now()
	require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), "consumption pauses") }, 30*time.Second, tick)
	for time.Since(down) < time.Minute {
		time.Sleep(time.Second) // the minute itself
	}
	left := source.keys("source")
	b.start()
	had := b.keys("copy")
	for _, o := range objects {
		if _, gone := had[o.key]; !gone {
			assert.Contains(t, left, o.key, "cleaned up though a destination has it not")
		}
	}
	assert.Greater(t, len(left), 0)
	drained(t, n, 3*time.Minute)
	p.stop()
	requireSame(t, a, "copy", "", objects)
	requireSame(t, b, "copy", "", objects)
	assert.Empty(t, source.keys("source"))
	assert.Zero(t, n.count(t, "ingest_dead"), "the outage used up the retry budget")
	assert.Zero(t, n.count(t, "KV_ingest_attempts"), "the outage counted as failed attempts")
	assert.Less(t, strings.Count(p.logs.String(), "consumption pauses"), 10)
}

// TestOverwrittenOnTheWay overwrites the source's object at the three moments at
// which a copy of the old version could win or the new version could be lost.
func TestOverwrittenOnTheWay(t *testing.T) {
	older, newer := object{key: "o", size: 6 << 20}, object{key: "o", size: 7 << 20, revision: 1}
	for _, versioned := range []bool{false, true} {
		for _, moment := range []string{"queued", "between uploads", "before clean-up"} {
			t.Run(fmt.Sprintf("%s versioned=%v", moment, versioned), func(t *testing.T) {
				source, a, b, n := startMinIO(t), startMinIO(t), startVersityGW(t), startNATS(t)
				source.bucket("source")
				if versioned {
					require.NoError(t, source.EnableVersioning(t.Context(), "source"))
				}
				a.bucket("copy")
				b.bucket("copy")
				require.NoError(t, older.put(t.Context(), source, "source"))
				scan(t, n, source.fields("source"))
				var once sync.Once
				overwrite := func() { once.Do(func() { assert.NoError(t, newer.put(t.Context(), source, "source")) }) }
				firstStored := make(chan struct{})
				pa := startProxy(t, a, nil)
				pb := startProxy(t, b, func(_ http.ResponseWriter, r *http.Request) bool {
					if moment == "between uploads" && r.Method == http.MethodPut {
						<-firstStored
						overwrite()
					}
					return false
				})
				ps := startProxy(t, source, func(_ http.ResponseWriter, r *http.Request) bool {
					// The look before the clean-up comes once both have it.
					if moment == "before clean-up" && r.Method == http.MethodHead && total(pa.puts("copy")) > 0 && total(pb.puts("copy")) > 0 {
						overwrite()
					}
					return false
				})
				if moment == "queued" {
					overwrite()
				}
				go func() {
					defer close(firstStored)
					for total(pa.puts("copy")) == 0 && t.Context().Err() == nil {
						time.Sleep(tick)
					}
				}()
				p := start(t, dequeue{
					source:  source.fields("source", ps.address),
					outputs: []string{a.fields("copy", pa.address), b.fields("copy", pb.address)},
					cleanUp: true,
				}.config(n))
				drained(t, n, 2*time.Minute)
				p.stop()
				requireSame(t, a, "copy", "", []object{newer})
				requireSame(t, b, "copy", "", []object{newer})
				assert.Empty(t, source.keys("source"))
				assert.Zero(t, n.count(t, "ingest_dead"))
			})
		}
	}
}

// TestOverwrittenAndScannedInFlight overwrites the object while its copy is under
// way, and scans it then, for the last time: the newer version must arrive. Of an
// object that does not change the source is asked once.
func TestOverwrittenAndScannedInFlight(t *testing.T) {
	source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	older, newer := object{key: "o", size: 6 << 20}, object{key: "o", size: 7 << 20, revision: 1}
	same := object{key: "a", size: 100}
	putAll(t, source, "source", []object{older, same})
	scan(t, n, source.fields("source"))
	var once sync.Once
	pd := startProxy(t, dest, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path == "/copy/o" {
			once.Do(func() {
				assert.NoError(t, newer.put(t.Context(), source, "source"))
				scan(t, n, source.fields("source")+", start_after: a")
			})
		}
		return false
	})
	ps := startProxy(t, source, nil)
	p := start(t, fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_s3: { %s, part_size: 16777216 }
`, n.url, subject, source.fields("source", ps.address), dest.fields("copy", pd.address)))
	drained(t, n, 2*time.Minute)
	p.stop()
	requireSame(t, dest, "copy", "", []object{newer, same})
	ps.mu.Lock()
	defer ps.mu.Unlock()
	assert.Equal(t, 1, ps.counts["GET /source/a"])
	assert.Zero(t, ps.counts["HEAD /source/a"])
}

// TestOverwrittenAtTheDelete overwrites the object in the last window there is,
// between the look and the delete, where a server can close it: versitygw takes
// the condition, and a versioned bucket only gets a delete marker.
func TestOverwrittenAtTheDelete(t *testing.T) {
	older, newer := object{key: "o", size: 600}, object{key: "o", size: 700, revision: 1}
	for _, kind := range []string{"versitygw", "minio versioned"} {
		t.Run(kind, func(t *testing.T) {
			source := startS3(t, strings.Fields(kind)[0])
			a, n := startMinIO(t), startNATS(t)
			source.bucket("source")
			if strings.HasSuffix(kind, "versioned") {
				require.NoError(t, source.EnableVersioning(t.Context(), "source"))
			}
			a.bucket("copy")
			require.NoError(t, older.put(t.Context(), source, "source"))
			scan(t, n, source.fields("source"))
			var once sync.Once
			ps := startProxy(t, source, func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodDelete {
					once.Do(func() { assert.NoError(t, newer.put(t.Context(), source, "source")) })
				}
				return false
			})
			p := start(t, dequeue{source: source.fields("source", ps.address), outputs: []string{a.fields("copy")}, cleanUp: true}.config(n))
			drained(t, n, time.Minute)
			p.stop()
			requireSame(t, a, "copy", "", []object{newer})
			assert.Empty(t, source.keys("source"))
		})
	}
}

// TestDestinationCorruptsAPut stores something else than what was sent, once, and
// hides it from the server's own check.
func TestDestinationCorruptsAPut(t *testing.T) {
	for size, says := range map[int64]string{
		1000:     "does not hold what was sent",
		20 << 20: "do not make up the source's ETag",
	} {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
			source.bucket("source")
			dest.bucket("copy")
			o := object{key: "o", size: size}
			require.NoError(t, o.put(t.Context(), source, "source"))
			scan(t, n, source.fields("source"))
			var corrupted, removed atomic.Int32
			bad := startProxy(t, dest, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodDelete {
					removed.Add(1)
				}
				if r.Method != http.MethodPut || !corrupted.CompareAndSwap(0, 1) {
					return false
				}
				corruptPut(t, dest, w, r)
				return true
			})
			cleaned := startProxy(t, source, func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodDelete {
					assert.NoError(t, compare(r.Context(), dest, "copy", "o", o), "cleaned up on a corrupt copy")
				}
				return false
			})
			p := start(t, dequeue{source: source.fields("source", cleaned.address), outputs: []string{dest.fields("copy", bad.address)}, cleanUp: true}.config(n))
			drained(t, n, time.Minute)
			p.stop()
			assert.EqualValues(t, 1, corrupted.Load())
			assert.EqualValues(t, 1, removed.Load(), "what was corrupt was not removed")
			assert.Contains(t, p.logs.String(), says)
			requireSame(t, dest, "copy", "", []object{o})
			assert.Empty(t, source.keys("source"))
			assert.Zero(t, dest.unfinished("copy", "o"))
		})
	}
}

// corruptPut passes a PUT on with one bit changed and without its checksum, signed
// anew so that the server takes it.
func corruptPut(t *testing.T, s *s3Server, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	body[len(body)/2] ^= 1
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+s.endpoint+r.URL.RequestURI(), bytes.NewReader(body))
	assert.NoError(t, err)
	for k, v := range r.Header {
		if k == "Content-Type" || k == "Cache-Control" || strings.HasPrefix(k, "X-Amz-Meta-") {
			req.Header[k] = v
		}
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	resp, err := http.DefaultClient.Do(signer.SignV4(*req, accessKey, secretKey, "", "us-east-1"))
	if !assert.NoError(t, err) {
		return
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// TestTwoDequeuers share the queue; one is stopped in the middle.
func TestTwoDequeuers(t *testing.T) {
	source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(4000, "o")
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	counting := startProxy(t, dest, nil)
	config := dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy", counting.address)}}.config(n)
	first, second := start(t, config), start(t, config)
	require.Eventually(t, func() bool {
		return first.metric("ingest_storage_bytes_total") > 0 && second.metric("ingest_storage_bytes_total") > 0 && len(counting.puts("copy")) > 500
	}, time.Minute, tick)
	first.stop()
	require.Less(t, len(counting.puts("copy")), len(objects), "it was over before it was stopped")
	drained(t, n, 2*time.Minute)
	second.stop()
	assert.Zero(t, first.code)
	for key, puts := range counting.puts("copy") {
		assert.Equal(t, 1, puts, key)
	}
	requireSame(t, dest, "copy", "", objects)
}

// TestScansAddNothing scans again while everything is pending.
func TestScansAddNothing(t *testing.T) {
	source, n := startMinIO(t), startNATS(t)
	source.bucket("source")
	putAll(t, source, "source", small(5000, "o"))
	for range 3 {
		scan(t, n, source.fields("source"))
		assert.Equal(t, 5000, n.count(t, "ingest"))
	}
}

// TestVanishedObjects are counted, and neither retried nor failures; a bucket
// that is not there is no vanished object.
func TestVanishedObjects(t *testing.T) {
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(20, "o")
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	for _, o := range objects[:5] {
		require.NoError(t, source.Client.RemoveObject(t.Context(), "source", o.key, minio.RemoveObjectOptions{}))
	}
	wrong := start(t, dequeue{source: source.fields("nowhere"), outputs: []string{dest.fields("copy")}}.config(n))
	require.Eventually(t, func() bool { return strings.Contains(wrong.logs.String(), `there is no bucket \"nowhere\"`) }, 20*time.Second, tick)
	wrong.kill()
	assert.Equal(t, 20, n.count(t, "ingest"))

	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}}.config(n))
	drained(t, n, time.Minute)
	p.counts(5, "ingest_storage_objects_total", `result="vanished"`)
	p.stop()
	requireSame(t, dest, "copy", "", objects[5:])
	assert.Zero(t, n.count(t, "ingest_dead"))
}
