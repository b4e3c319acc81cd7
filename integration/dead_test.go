package integration

import (
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

// TestBadAmongGood mixes messages that are no elements and elements that can
// never be stored into ten thousand good ones.
func TestBadAmongGood(t *testing.T) {
	const good, bad = 10_000, 100
	source, dest := startVersityGW(t), startVersityGW(t)
	source.bucket("source")
	putAll(t, source, "source", small(good, "good/"))
	putAll(t, source, "source", small(bad, "bad/"))

	// moves returns how long the good ones take, from start to the last.
	moves := func(n *natsServer, bucket string) time.Duration {
		dest.bucket(bucket)
		begun := time.Now()
		p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields(bucket) + ", prefix: copy/"}}.config(n))
		require.Eventually(t, func() bool {
			return p.metric("ingest_storage_objects_total", "outputs.0", `result="stored"`) == good
		}, 5*time.Minute, tick)
		took := time.Since(begun)
		drained(t, n, time.Minute)
		p.stop()
		return took
	}

	// Other work on the machine can spoil a comparison, so there are a few.
	var n *natsServer
	var q *queue.Queue
	var bucket string
	require.True(t, slices.ContainsFunc([]string{"a", "b", "c", "d"}, func(round string) bool {
		n = startNATS(t)
		scan(t, n, source.fields("source")+", prefix: good/")
		alone := moves(n, "alone-"+round)

		n = startNATS(t)
		q = openQueue(t, n)
		spoil(t, n, q, 0, bad/2)
		scan(t, n, source.fields("source")+", prefix: good/")
		spoil(t, n, q, bad/2, bad)
		bucket = "mixed-" + round
		mixed := moves(n, bucket)
		t.Logf("the good ones alone took %s, among bad ones %s", alone, mixed)
		return math.Abs(mixed.Seconds()/alone.Seconds()-1) <= 0.2
	}), "the bad ones delay the good ones")

	dead := deadLetters(t, q)
	assert.Len(t, dead, 2*bad)
	assert.Contains(t, dead["garbage 7"], "unmarshalling codec")
	assert.Contains(t, dead["bad/00007"], "the key cannot be stored byte for byte")
	assert.Len(t, dest.keys(bucket), good)

	requeue(t, n, 2*bad)
	assert.Equal(t, 2*bad, n.count(t, "ingest"))
	assert.Zero(t, n.count(t, "ingest_dead"))
	// What was wrong with the names is mended by another configuration; what
	// is no element comes back.
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields(bucket) + `, prefix: copy/, key: '${! metadata("ingest_id") }'`}}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	assert.Len(t, deadLetters(t, q), bad)
	assert.Len(t, dest.keys(bucket), good+bad)
}

// spoil queues messages that are no elements, and elements that can never be stored.
func spoil(t *testing.T, n *natsServer, q *queue.Queue, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		_, err := n.js.Publish(t.Context(), fmt.Sprintf("%s.garbage-%d", subject, i), fmt.Appendf(nil, "garbage %d", i))
		require.NoError(t, err)
		// Nothing may be stored outside of the folder.
		require.NoError(t, q.Publish(t.Context(), ingest.NewCodec(fmt.Sprintf("bad/%05d", i), fmt.Sprintf("../escape-%d", i), nil), nil))
	}
}

// requeue puts the dead letters back with the command, and checks what it says.
func requeue(t *testing.T, n *natsServer, want int) {
	t.Helper()
	config := writeConfig(t, fmt.Sprintf("input: { ingest_queue: { urls: [ %q ], subject: %s } }\noutput: { drop: {} }\n", n.url, subject))
	list, err := exec.Command(binary, "queue", "dead", "ls", config, "--json").Output()
	require.NoError(t, err)
	assert.Equal(t, want, strings.Count(string(list), "\n"))
	out, err := exec.Command(binary, "queue", "dead", "requeue", config, "--all").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), fmt.Sprintf("dead letters put back into the queue: %d\n", want))
}

// TestFailuresWithinTheBudget makes a destination refuse one object a few times.
func TestFailuresWithinTheBudget(t *testing.T) {
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(10, "o")
	putAll(t, source, "source", objects)
	scan(t, n, source.fields("source"))
	flaky := newFlaky("/copy/o00003", 2)
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy", startProxy(t, dest, flaky.meddle).address)}}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	requireSame(t, dest, "copy", "", objects)
	assert.Zero(t, n.count(t, "ingest_dead"))

	hopeless := newFlaky("/copy/hopeless", 1<<30)
	require.NoError(t, object{key: "hopeless", size: 9}.put(t.Context(), source, "source"))
	scan(t, n, source.fields("source"))
	p = start(t, dequeue{
		source:  source.fields("source"),
		outputs: []string{dest.fields("copy", startProxy(t, dest, hopeless.meddle).address)},
		queue:   ", max_attempts: 3, backoff: { min: 100ms, max: 200ms }",
	}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	assert.Contains(t, deadLetters(t, openQueue(t, n))["hopeless"], "BadDigest")
	assert.EqualValues(t, 3, hopeless.failed.Load())
}
