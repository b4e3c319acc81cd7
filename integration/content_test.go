package integration

import (
	"compress/gzip"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCompressedOnTheWay has a stock processor change the content, and finds the
// result up to date the second time.
func TestCompressedOnTheWay(t *testing.T) {
	source, dest, n := startMinIO(t), startVersityGW(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := append(small(20, "o"), object{key: "larger", size: 3 << 20})
	putAll(t, source, "source", objects)
	config := fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s }
pipeline:
  processors:
    - ingest_s3: { %s, operation: read }
    - compress: { algorithm: gzip }
output:
  ingest_fan_out:
    outputs:
      - ingest_s3: { %s, key: '${! metadata("ingest_name") }.gz' }
`, n.url, subject, source.fields("source"), dest.fields("copy"))
	for _, result := range []string{"stored", "up_to_date"} {
		scan(t, n, source.fields("source"))
		p := start(t, config)
		drained(t, n, time.Minute)
		p.counts(len(objects), "ingest_storage_objects_total", `result="`+result+`"`)
		p.stop()
	}
	for _, o := range objects {
		body, _, _, err := dest.GetObject(t.Context(), "copy", o.key+".gz", minio.GetObjectOptions{})
		require.NoError(t, err)
		unzip, err := gzip.NewReader(body)
		require.NoError(t, err)
		got, err := io.ReadAll(unzip)
		require.NoError(t, err)
		want, err := io.ReadAll(o.reader())
		require.NoError(t, err)
		assert.Equal(t, want, got, o.key)
		require.NoError(t, body.Close())
	}
}

// TestCopiesInOtherParts uploads in parts that the source does not have, so that
// no ETags can be compared, with every kind of checksum: the record of the
// verified copy finds the objects up to date the second time.
func TestCopiesInOtherParts(t *testing.T) {
	objects := []object{{key: "large", size: 33 << 20}, {key: "exact", size: 30 << 20}, {key: "small", size: 100}, {key: "empty"}}
	for _, kind := range []string{"minio", "versitygw"} {
		for _, checksum := range []string{"auto", "crc32c"} {
			t.Run(kind+" "+checksum, func(t *testing.T) {
				source, dest, n := startMinIO(t), startS3(t, kind), startNATS(t)
				source.bucket("source")
				dest.bucket("copy")
				putAll(t, source, "source", objects)
				config := dequeue{
					source:  source.fields("source") + ", etags: opaque",
					outputs: []string{dest.fields("copy") + ", part_size: 5242880, checksum: " + checksum},
				}.config(n)
				for _, result := range []string{"stored", "up_to_date"} {
					scan(t, n, source.fields("source"))
					p := start(t, config)
					drained(t, n, time.Minute)
					p.counts(len(objects), "ingest_storage_objects_total", `result="`+result+`"`)
					p.stop()
				}
				requireSame(t, dest, "copy", "", objects)
				assert.NotEqual(t, source.keys("source")["large"].ETag, dest.keys("copy")["large"].ETag)
				assert.Zero(t, dest.unfinished("copy", "large", "exact"))
				assert.Zero(t, n.count(t, "ingest_dead"))
			})
		}
	}
}
