package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server has several names. Objects must not be "moved" onto themselves, nor be
// copied beneath themselves, and none of them is touched before that is noticed.
func TestDestinationThatIsTheSource(t *testing.T) {
	for _, s := range []*s3Server{startMinIO(t), startVersityGW(t)} {
		for name, output := range map[string]string{
			"changed":  ", overwrite: changed",
			"always":   ", overwrite: always",
			"a-prefix": ", prefix: copy/",
		} {
			t.Run(s.kind+", "+name, func(t *testing.T) {
				n := startNATS(t)
				bucket := s.bucket("bucket-" + name)
				objects := small(5, "o/")
				putAll(t, s, bucket, objects)
				label, err := tags.NewTags(map[string]string{"label": "kept"}, true)
				require.NoError(t, err)
				require.NoError(t, s.PutObjectTagging(t.Context(), bucket, objects[0].key, label, minio.PutObjectTaggingOptions{}))
				before := s.keys(bucket)
				scan(t, n, s.fields(bucket))
				alias := strings.Replace(s.endpoint, "127.0.0.1", "localhost", 1)
				p := start(t, dequeue{
					source:  s.fields(bucket),
					outputs: []string{s.fields(bucket, alias) + output},
					cleanUp: true,
				}.config(n))
				drained(t, n, time.Minute)
				p.stop()
				requireSame(t, s, bucket, "", objects)
				assert.Equal(t, before, s.keys(bucket), "nothing is stored, and nothing else stays")
				kept, err := s.GetObjectTagging(t.Context(), bucket, objects[0].key, minio.GetObjectTaggingOptions{})
				require.NoError(t, err)
				assert.Equal(t, label.ToMap(), kept.ToMap())
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
	before := b.keys("bucket")
	scan(t, n, a.fields("bucket"))
	start(t, dequeue{source: a.fields("bucket"), outputs: []string{b.fields("bucket")}, cleanUp: true}.config(n))
	drained(t, n, time.Minute)
	require.Eventually(t, func() bool { return len(a.keys("bucket")) == 0 }, time.Minute, tick)
	requireSame(t, b, "bucket", "", objects)
	assert.Equal(t, before, b.keys("bucket"), "what is there already is not stored again, and nothing else stays")
	assert.Empty(t, deadLetters(t, openQueue(t, n)))
}
