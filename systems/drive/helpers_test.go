package drive

import (
	"bytes"
	"context"
	"crypto/md5"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
	"github.com/ingest-bundle/ingest/outputs"
)

func parse(t *testing.T, yaml string) *service.ParsedConfig {
	t.Helper()
	conf, err := service.NewConfigSpec().Fields(fields()...).Fields(outputs.StoreFields()...).ParseYAML(yaml, service.NewEmptyEnvironment())
	require.NoError(t, err)
	return conf
}

// newDrive returns a destination on a server, with an API key and small chunks unless
// more says otherwise.
func newDrive(t *testing.T, s *drivetest.Server, more string) *destination {
	t.Helper()
	yaml := "endpoint: " + s.URL + "\nchunk_size: 262144\n" + more
	if !strings.Contains(more, "credentials") {
		yaml += "\napi_key: " + drivetest.Key
	}
	d, err := newDestination(parse(t, yaml), service.MockResources())
	require.NoError(t, err)
	d.retry.first = time.Millisecond
	return d
}

func named(name string) ingest.Codec { return ingest.NewCodec("id of "+name, name, nil) }

// object is an object as a source that vouches for its content opens it.
func object(content []byte) ingest.Object {
	sum := md5.Sum(content)
	return ingest.Object{MimeType: "text/plain", Len: int64(len(content)), Reader: bytes.NewReader(content), MD5: sum[:]}
}

// large has three chunks, of which the last is not full.
var large = bytes.Repeat([]byte("0123456789abcdef"), (2*262144+100_000)/16)

func store(t *testing.T, d *destination, name string, content []byte) *ingest.Stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stored, err := d.Store(ctx, named(name), object(content))
	require.NoError(t, err)
	require.True(t, stored.Verified)
	return stored
}

// only returns the one file at a path, as it is stored.
func only(t *testing.T, s *drivetest.Server, path string) drivetest.File {
	t.Helper()
	twins := s.Files()[path]
	require.Len(t, twins, 1, "%s in %v", path, s.Files())
	return twins[0]
}

func isChunk(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/upload/session/") }

func isUpload(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/upload/") }

func always(*http.Request) bool { return true }

// keepRequest returns a request as it is, to be served later.
func keepRequest(t *testing.T, r *http.Request) *http.Request {
	body, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	kept := r.Clone(context.WithoutCancel(r.Context()))
	kept.Body = io.NopCloser(bytes.NewReader(body))
	return kept
}

// serve has the server do what a request says; nobody hears the answer.
func serve(s *drivetest.Server, r *http.Request) {
	s.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
}
