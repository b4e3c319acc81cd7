package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toMany are small objects, medium ones, and one in parts.
func toMany() []object {
	objects := []object{{key: "in parts", size: 70<<20 + 7}, {key: "empty"}}
	for i := range 50 {
		objects = append(objects, object{key: fmt.Sprintf("small/%d", i), size: 4 << 10})
	}
	for i := range 10 {
		objects = append(objects, object{key: fmt.Sprintf("medium/%d", i), size: 3<<20 + int64(i)})
	}
	return objects
}

// requireReadOnce asserts that every object was read once through the proxy, except
// those of which another number of times is given.
func requireReadOnce(t *testing.T, p *proxy, bucket string, objects []object, except map[string]int) {
	t.Helper()
	gets := p.gets(bucket)
	for _, o := range objects {
		times, ok := except[o.key]
		if !ok {
			times = 1
			assert.Equal(t, o.size, p.sent["/"+bucket+"/"+o.key], "bytes of %s", o.key)
		}
		assert.Equal(t, times, gets[o.key], o.key)
	}
}

// TestFanOutReadsOnce copies to several destinations what is read once.
func TestFanOutReadsOnce(t *testing.T) {
	for _, outputs := range []int{2, 3} {
		t.Run(fmt.Sprint(outputs), func(t *testing.T) {
			source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
			objects := toMany()
			putAll(t, source, source.bucket("source"), objects)
			at := startProxy(t, source, nil)
			var outs []string
			for i := range outputs {
				outs = append(outs, dest.fields(dest.bucket(fmt.Sprint("copy-", i))))
			}
			scan(t, n, source.fields("source"))
			p := start(t, dequeue{source: source.fields("source", at.address), outputs: outs}.config(n))
			drained(t, n, time.Minute)
			p.stop()
			for i := range outputs {
				requireSame(t, dest, fmt.Sprint("copy-", i), "", objects)
			}
			requireReadOnce(t, at, "source", objects, nil)
		})
	}
}

// TestFanOutWithOneThatHangs finishes at one destination while another hangs, and
// later there.
func TestFanOutWithOneThatHangs(t *testing.T) {
	source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
	objects := toMany()[1:]
	putAll(t, source, source.bucket("source"), objects)
	at := startProxy(t, source, nil)
	goOn := make(chan struct{})
	hangs := startProxy(t, dest, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			<-goOn
		}
		return false
	})
	scan(t, n, source.fields("source"))
	dest.bucket("copy-a")
	dest.bucket("copy-b")
	p := start(t, dequeue{source: source.fields("source", at.address), outputs: []string{dest.fields("copy-a"), dest.fields("copy-b", hangs.address)}}.config(n))
	require.Eventually(t, func() bool { return len(dest.keys("copy-a")) == len(objects) }, time.Minute, tick)
	assert.Empty(t, dest.keys("copy-b"))
	close(goOn)
	drained(t, n, time.Minute)
	p.stop()
	requireSame(t, dest, "copy-a", "", objects)
	requireSame(t, dest, "copy-b", "", objects)
	requireReadOnce(t, at, "source", objects, nil)
}

// TestFanOutRetriesOneAlone has uploads to one destination fail, and sees that the
// next attempt is its alone.
func TestFanOutRetriesOneAlone(t *testing.T) {
	source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
	objects := toMany()
	putAll(t, source, source.bucket("source"), objects)
	at, good := startProxy(t, source, nil), startProxy(t, dest, nil)
	flaky := newFlaky("/copy-b/medium/3", 1)
	dest.bucket("copy-a")
	dest.bucket("copy-b")
	scan(t, n, source.fields("source"))
	p := start(t, dequeue{source: source.fields("source", at.address), queue: ", backoff: { min: 100ms, max: 200ms }", outputs: []string{
		dest.fields("copy-a", good.address), dest.fields("copy-b", startProxy(t, dest, flaky.meddle).address),
	}}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	requireSame(t, dest, "copy-a", "", objects)
	requireSame(t, dest, "copy-b", "", objects)
	assert.EqualValues(t, 1, flaky.failed.Load())
	for key, puts := range good.puts("copy-a") {
		if !strings.HasPrefix(key, "in parts") {
			assert.Equal(t, 1, puts, key)
		}
	}
	requireReadOnce(t, at, "source", objects, map[string]int{"medium/3": 2})
}
