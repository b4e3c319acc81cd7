package integration

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/sse"
	"github.com/minio/minio-go/v7/pkg/tags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contentMeter counts the content that passes through the program.
type contentMeter struct{ read, written atomic.Int64 }

// meddle counts, and answers nothing.
func (m *contentMeter) meddle(_ http.ResponseWriter, r *http.Request) bool {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case key == "" || r.URL.Query().Has("tagging"):
	case r.Method == http.MethodGet:
		m.read.Add(1)
	case r.Method == http.MethodPut:
		m.written.Add(r.ContentLength)
	}
	return false
}

var copied = []object{
	{key: "empty"}, {key: "small", size: 1000}, {key: "ünï/a b+c%20?&=#.txt", size: 2000, mime: "text/plain"},
	{key: "one part", size: 6 << 20}, {key: "in parts", size: 33<<20 + 7},
}

// TestCopiedByTheServer moves objects within one server, and none of their content.
func TestCopiedByTheServer(t *testing.T) {
	for _, kind := range []string{"minio", "versitygw"} {
		for _, carry := range []string{"false", "true"} {
			t.Run(kind+" tags "+carry, func(t *testing.T) {
				server, n := startS3(t, kind), startNATS(t)
				server.bucket("source")
				putAll(t, server, "source", copied)
				set, err := tags.NewTags(map[string]string{"k": "a value", "ingest-copy": "of something else"}, true)
				require.NoError(t, err)
				for _, o := range copied {
					require.NoError(t, server.PutObjectTagging(t.Context(), "source", o.key, set, minio.PutObjectTaggingOptions{}))
				}
				before := server.keys("source")
				require.Contains(t, before["in parts"].ETag, "-")
				var outputs []string
				meter := &contentMeter{}
				p := startProxy(t, server, meter.meddle)
				for _, bucket := range []string{"one", "two"} {
					outputs = append(outputs, server.fields(server.bucket(bucket), p.address)+", tags: "+carry)
				}
				for _, result := range []string{"stored", "up_to_date"} {
					scan(t, n, server.fields("source"))
					worker := start(t, dequeue{source: server.fields("source", p.address), outputs: outputs}.config(n))
					drained(t, n, time.Minute)
					worker.counts(2*len(copied), "ingest_storage_objects_total", `result="`+result+`"`)
					worker.stop()
				}
				assert.Zero(t, meter.read.Load(), "objects that were read")
				assert.Zero(t, meter.written.Load(), "bytes that were sent")
				for _, bucket := range []string{"one", "two"} {
					requireSame(t, server, bucket, "", copied)
					for key, o := range server.keys(bucket) {
						assert.Equal(t, before[key].ETag, o.ETag, key)
						set, err := server.GetObjectTagging(t.Context(), bucket, key, minio.GetObjectTaggingOptions{})
						require.NoError(t, err)
						want := map[string]string{}
						if carry == "true" {
							want["k"] = "a value"
						}
						assert.Equal(t, want, set.ToMap(), key)
					}
					assert.Zero(t, server.unfinished(bucket, "in parts"))
				}
			})
		}
	}
}

// TestServerThatRefusesCopies streams what it may not copy.
func TestServerThatRefusesCopies(t *testing.T) {
	server, n := startMinIO(t), startNATS(t)
	putAll(t, server, server.bucket("source"), copied)
	server.bucket("copy")
	var asked atomic.Int64
	p := startProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Amz-Copy-Source") == "" {
			return false
		}
		asked.Add(1)
		w.WriteHeader(http.StatusNotImplemented)
		return true
	})
	scan(t, n, server.fields("source"))
	start(t, dequeue{source: server.fields("source", p.address), outputs: []string{server.fields("copy", p.address)}, cleanUp: true}.config(n))
	drained(t, n, time.Minute)
	assert.NotZero(t, asked.Load())
	requireSame(t, server, "copy", "", copied)
	assert.Empty(t, server.keys("source"))
}

// TestOverwrittenBeforeTheCopy overwrites objects when their copies are asked for:
// what arrives is the newer version, in one piece.
func TestOverwrittenBeforeTheCopy(t *testing.T) {
	for _, kind := range []string{"minio", "versitygw"} {
		for _, size := range []int64{1000, 33 << 20} {
			t.Run(fmt.Sprint(kind, " ", size), func(t *testing.T) {
				server, n := startS3(t, kind), startNATS(t)
				older, newer := object{key: "o", size: size}, object{key: "o", size: size, revision: 1}
				putAll(t, server, server.bucket("source"), []object{older})
				server.bucket("copy")
				var once sync.Once
				meter := &contentMeter{}
				p := startProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
					// A part may be copied before.
					if number := r.URL.Query().Get("partNumber"); r.Header.Get("X-Amz-Copy-Source") != "" && (number == "" || number == "2") {
						once.Do(func() { assert.NoError(t, newer.put(t.Context(), server, "source")) })
					}
					return meter.meddle(w, r)
				})
				scan(t, n, server.fields("source"))
				start(t, dequeue{source: server.fields("source", p.address), outputs: []string{server.fields("copy", p.address)}, cleanUp: true}.config(n))
				drained(t, n, time.Minute)
				requireSame(t, server, "copy", "", []object{newer})
				assert.Empty(t, server.keys("source"))
				assert.Zero(t, server.unfinished("copy", "o"))
				assert.Zero(t, n.count(t, "ingest_dead"))
				assert.Zero(t, meter.written.Load(), "the newer version is copied by the server, too")
			})
		}
	}
}

// TestCopiesOfEncryptedObjects moves objects whose ETags are no digests: a copy is
// recorded, as an upload is, and found up to date.
func TestCopiesOfEncryptedObjects(t *testing.T) {
	t.Setenv("MINIO_KMS_SECRET_KEY", "key:"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	server := startMinIO(t)
	encrypt := func(bucket string) {
		require.NoError(t, server.SetBucketEncryption(t.Context(), server.bucket(bucket), sse.NewConfigurationSSEKMS("key")))
	}
	encrypt("encrypted")
	server.bucket("plain")
	putAll(t, server, "encrypted", copied)
	putAll(t, server, "plain", copied)
	for _, tc := range []struct {
		from, to string
		copies   int
	}{
		// MinIO does not say of parts that it encrypts them, so these are streamed.
		{"plain", "plain-to-encrypted", len(copied) - 1},
		{"encrypted", "encrypted-to-encrypted", len(copied) - 1},
		{"encrypted", "encrypted-to-plain", 0},
	} {
		t.Run(tc.to, func(t *testing.T) {
			server, n := server.of(t), startNATS(t)
			if strings.HasSuffix(tc.to, "-plain") {
				server.bucket(tc.to)
			} else {
				encrypt(tc.to)
			}
			for _, result := range []string{"stored", "up_to_date"} {
				scan(t, n, server.fields(tc.from))
				worker := start(t, dequeue{source: server.fields(tc.from), outputs: []string{server.fields(tc.to)}}.config(n))
				drained(t, n, time.Minute)
				copies := tc.copies
				if result == "up_to_date" {
					copies = 0
				}
				worker.counts(len(copied), "ingest_storage_objects_total", `result="`+result+`"`)
				worker.counts(copies, "ingest_storage_operations_total", `operation="copy"`, `result="success"`)
				worker.stop()
			}
			requireSame(t, server, tc.to, "", copied)
		})
	}
}
