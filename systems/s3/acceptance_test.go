package s3

import (
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems/systemstest"
)

// What is left out here is what the fake server lacks; real servers are tested
// with the whole suite elsewhere.
func TestSourceAcceptance(t *testing.T) {
	f := newFake(t)
	systemstest.TestSource(t,
		func(t *testing.T, objects map[string][]byte) ingest.Source {
			f := newFake(t, "source")
			for key, content := range objects {
				f.put(t, "source", "prefix/"+key, content)
			}
			return f.source(t, "source", "prefix: prefix/")
		},
		systemstest.WithoutEmpty(),
		systemstest.WithoutConditionalReads(),
		systemstest.WithChange(func(t *testing.T, s ingest.Source, id string, content []byte) {
			c := s.(*source).client
			f.Server.URL = "http://" + c.endpoint
			f.put(t, c.bucket, id, content)
		}),
	)
}

func TestDestinationAcceptance(t *testing.T) {
	for name, more := range map[string]string{
		"plain":    "",
		"prefix":   "prefix: copies/",
		"crc32c":   "checksum: crc32c",
		"untagged": "tags: false",
	} {
		t.Run(name, func(t *testing.T) {
			systemstest.TestDestination(t,
				func(t *testing.T) ingest.Destination {
					return newFake(t, "copy").destination(t, "copy", more)
				},
				systemstest.WithoutEmpty(),
				systemstest.WithCarried(carried(more != "tags: false")),
			)
		})
	}
}

func carried(tags bool) func(*testing.T, ingest.Destination, ingest.Codec, ingest.Object) {
	return func(t *testing.T, dest ingest.Destination, codec ingest.Codec, obj ingest.Object) {
		d := dest.(*destination)
		info, err := d.api.StatObject(t.Context(), d.bucket, d.prefix+codec.Name, minio.StatObjectOptions{})
		require.NoError(t, err)
		for header, want := range map[string]string{
			"Content-Type":        obj.MimeType,
			"Content-Disposition": obj.ContentDisposition,
			"Content-Encoding":    obj.ContentEncoding,
			"X-Amz-Meta-Project":  "one",
			"X-Amz-Meta-Owner":    "a b",
		} {
			assert.Equal(t, want, info.Metadata.Get(header), http.CanonicalHeaderKey(header))
		}
		kept, err := d.api.GetObjectTagging(t.Context(), d.bucket, d.prefix+codec.Name, minio.GetObjectTaggingOptions{})
		require.NoError(t, err)
		_, has := kept.ToMap()["k"]
		assert.Equal(t, tags, has)
	}
}
