package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/outputs"
)

// fakeServer is an S3 server in memory. It takes no empty objects, ignores
// If-Match, drops Cache-Control, and knows no authentication.
type fakeServer struct {
	*httptest.Server
	// intercept sees requests first, and reports whether it answered.
	intercept atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	requests  atomic.Int64
	tags      fakeTags
	etags     fakeETags
	// honest serves requests that nobody intercepts.
	honest http.Handler
}

func newFake(t *testing.T, buckets ...string) *fakeServer {
	t.Helper()
	backend := s3mem.New()
	for _, b := range buckets {
		require.NoError(t, backend.CreateBucket(b))
	}
	s3 := gofakes3.New(backend).Server()
	f := &fakeServer{}
	f.honest = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.tags.serve(f.etags.of(s3), w, r) })
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if i := f.intercept.Load(); i != nil && (*i)(w, r) {
			return
		}
		f.honest.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) endpoint() string { return strings.TrimPrefix(f.URL, "http://") }

// answer makes the server answer the requests that match with an error.
func (f *fakeServer) answer(match func(*http.Request) bool, status int, code string) {
	i := func(w http.ResponseWriter, r *http.Request) bool {
		if !match(r) {
			return false
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test says</Message></Error>", code) //nolint:errcheck // the client sees
		}
		return true
	}
	f.intercept.Store(&i)
}

// meddle makes the server call i first, for every request. It may change the request,
// and reports whether it answered.
func (f *fakeServer) meddle(i func(http.ResponseWriter, *http.Request) bool) { f.intercept.Store(&i) }

func (f *fakeServer) heal() { f.intercept.Store(nil) }

func (f *fakeServer) yaml(bucket, more string) string {
	return fmt.Sprintf("endpoint: %s\ninsecure: true\nregion: us-east-1\nbucket: %s\naccess_key_id: id\nsecret_access_key: secret\n%s", f.endpoint(), bucket, more)
}

func (f *fakeServer) source(t *testing.T, bucket, more string) *source {
	t.Helper()
	s, err := newSource(f.sourceConfig(t, bucket, more), service.MockResources())
	require.NoError(t, err)
	return s
}

// trySource returns the error of a configuration.
func (f *fakeServer) trySource(t *testing.T, bucket, more string) error {
	t.Helper()
	_, err := newSource(f.sourceConfig(t, bucket, more), service.MockResources())
	return err
}

func (f *fakeServer) sourceConfig(t *testing.T, bucket, more string) *service.ParsedConfig {
	t.Helper()
	spec := service.NewConfigSpec().Fields(connectionFields()...).Fields(
		service.NewStringField(fieldETags).Default("auto"),
		service.NewStringField(fieldPrefix).Default(""),
		service.NewBoolField(fieldRecursive).Default(true),
		service.NewStringField(fieldStartAfter).Default(""),
		service.NewStringField(fieldMetafilesPrefix).Default(""),
	).Fields(compareFields()...)
	conf, err := spec.ParseYAML(f.yaml(bucket, more), service.NewEmptyEnvironment())
	require.NoError(t, err)
	return conf
}

func (f *fakeServer) destination(t *testing.T, bucket, more string) *destination {
	t.Helper()
	spec := service.NewConfigSpec().Fields(connectionFields()...).Fields(
		service.NewStringField(fieldPrefix).Default(""),
		service.NewStringField(fieldMetafilesPrefix).Default(""),
		service.NewStringField(fieldStorageClass).Default(""),
		service.NewBoolField(fieldTags).Default(true),
		service.NewIntField(fieldPartSize).Default(minPartSize),
		service.NewIntField(fieldParallelParts).Default(2),
		service.NewIntField(fieldPartMemory).Default(4*minPartSize),
		service.NewStringField(fieldChecksum).Default("auto"),
		service.NewStringField(fieldUnsafeKeys).Default("auto"),
		service.NewBoolField(fieldServerCopy).Default(true),
	).Fields(outputs.StoreFields()...)
	conf, err := spec.ParseYAML(f.yaml(bucket, more), service.NewEmptyEnvironment())
	require.NoError(t, err)
	d, err := newDestination(conf, service.MockResources())
	require.NoError(t, err)
	return d
}

func (f *fakeServer) put(t *testing.T, bucket, key string, content []byte) {
	t.Helper()
	c := f.source(t, bucket, "").client
	_, err := c.api.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{ContentType: "text/plain", DisableMultipart: true})
	require.NoError(t, err)
}

// putParts puts an object in parts of the given sizes.
func (f *fakeServer) putParts(t *testing.T, bucket, key string, content []byte, sizes ...int64) {
	t.Helper()
	api := f.source(t, bucket, "").api
	id, err := api.NewMultipartUpload(t.Context(), bucket, key, minio.PutObjectOptions{ContentType: "text/plain"})
	require.NoError(t, err)
	var parts []minio.CompletePart
	for i, size := range sizes {
		p, err := api.PutObjectPart(t.Context(), bucket, key, id, i+1, bytes.NewReader(content[:size]), size, minio.PutObjectPartOptions{DisableContentSha256: true})
		require.NoError(t, err)
		parts = append(parts, minio.CompletePart{PartNumber: i + 1, ETag: p.ETag})
		content = content[size:]
	}
	require.Empty(t, content)
	_, err = api.CompleteMultipartUpload(t.Context(), bucket, key, id, parts, minio.PutObjectOptions{})
	require.NoError(t, err)
}
