package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A destination that is the source under another name of its server would make
// every object its own copy: clean-up must remove none of them.
func TestDestinationThatIsTheSource(t *testing.T) {
	for _, s := range []*s3Server{startMinIO(t), startVersityGW(t)} {
		for _, overwrite := range []string{"changed", "always"} {
			t.Run(s.kind+", "+overwrite, func(t *testing.T) {
				n := startNATS(t)
				bucket := s.bucket("bucket-" + overwrite)
				objects := small(5, "o/")
				putAll(t, s, bucket, objects)
				scan(t, n, s.fields(bucket))
				alias := strings.Replace(s.endpoint, "127.0.0.1", "localhost", 1)
				p := start(t, dequeue{
					source:  s.fields(bucket),
					outputs: []string{s.fields(bucket, alias) + ", overwrite: " + overwrite},
					cleanUp: true,
				}.config(n))
				drained(t, n, time.Minute)
				p.stop()
				requireSame(t, s, bucket, "", objects)
				dead := deadLetters(t, openQueue(t, n))
				assert.Len(t, dead, len(objects))
				for _, text := range dead {
					assert.Contains(t, text, "the destination is the source itself")
				}
			})
		}
	}
}

// Another server that has a bucket of the same name is no such case, not even
// where both objects were stored in the same second.
func TestNamesakesOnTwoServers(t *testing.T) {
	a, b, n := startVersityGW(t), startVersityGW(t), startNATS(t)
	a.bucket("bucket")
	b.bucket("bucket")
	objects := small(20, "o/")
	putAll(t, a, "bucket", objects)
	putAll(t, b, "bucket", objects)
	scan(t, n, a.fields("bucket"))
	start(t, dequeue{source: a.fields("bucket"), outputs: []string{b.fields("bucket")}, cleanUp: true}.config(n))
	drained(t, n, time.Minute)
	require.Eventually(t, func() bool { return len(a.keys("bucket")) == 0 }, time.Minute, tick)
	requireSame(t, b, "bucket", "", objects)
	assert.Empty(t, deadLetters(t, openQueue(t, n)))
}
