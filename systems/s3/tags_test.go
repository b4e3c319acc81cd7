package s3

import (
	"io"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func (f *fakeServer) tag(t *testing.T, bucket, key string) {
	t.Helper()
	set, err := tags.NewTags(map[string]string{"colour": "blue"}, true)
	require.NoError(t, err)
	require.NoError(t, f.source(t, bucket, "").api.PutObjectTagging(t.Context(), bucket, key, set, minio.PutObjectTaggingOptions{}))
}

func tagged(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("tagging") }

// move copies an object from one bucket to another.
func move(t *testing.T, s *source, d *destination, key string) error {
	t.Helper()
	codec := ingest.NewCodec(key, key, nil)
	obj, err := s.Download(t.Context(), codec)
	require.NoError(t, err)
	defer obj.Close() //nolint:errcheck // nothing is written
	_, err = d.Store(t.Context(), codec, *obj)
	return err
}

// Only objects that have tags cost a request for them, after one that finds out
// whether the source says which do.
func TestTagsAreAskedForWhereThereAreAny(t *testing.T) {
	f := newFake(t, "source", "copy")
	for _, key := range []string{"a", "b", "c"} {
		f.put(t, "source", key, []byte(key))
	}
	f.tag(t, "source", "c")
	s, d := f.source(t, "source", ""), f.destination(t, "copy", "")
	for _, object := range []struct {
		key      string
		requests int64
		tags     map[string]string
	}{
		{"a", 3, map[string]string{}},
		{"b", 2, map[string]string{}},
		{"c", 3, map[string]string{"colour": "blue"}},
	} {
		before := f.requests.Load()
		require.NoError(t, move(t, s, d, object.key))
		assert.Equal(t, object.requests, f.requests.Load()-before, object.key)
		got, err := d.api.GetObjectTagging(t.Context(), "copy", object.key, minio.GetObjectTaggingOptions{})
		require.NoError(t, err)
		assert.Equal(t, object.tags, got.ToMap(), object.key)
	}
}

// AWS counts no tags for those who may not read them.
func TestTagsThatMayNotBeRead(t *testing.T) {
	for name, counted := range map[string]bool{"counted": true, "not counted": false} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "source", "copy")
			for _, key := range []string{"a", "b"} {
				f.put(t, "source", key, []byte(key))
				f.tag(t, "source", key)
			}
			f.deny(tagged, counted)
			s := f.source(t, "source", "")
			for _, key := range []string{"a", "b"} {
				err := move(t, s, f.destination(t, "copy", ""), key)
				require.ErrorContains(t, err, "s3:GetObjectTagging")
				require.ErrorContains(t, err, "tags: false")
				require.NoError(t, move(t, s, f.destination(t, "copy", "tags: false"), key))
			}
		})
	}
}

// A server that counts no tags at all is asked for each object, once that is known.
func TestTagsThatAreNotCounted(t *testing.T) {
	f := newFake(t, "source", "copy")
	f.put(t, "source", "a", []byte("a"))
	f.tag(t, "source", "a")
	f.deny(func(*http.Request) bool { return false }, false)
	d := f.destination(t, "copy", "")
	require.NoError(t, move(t, f.source(t, "source", ""), d, "a"))
	got, err := d.api.GetObjectTagging(t.Context(), "copy", "a", minio.GetObjectTaggingOptions{})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"colour": "blue"}, got.ToMap())
}

// A server that knows nothing of tags has none to lose.
func TestServersWithoutTags(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"refused":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotImplemented) },
		"the content": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "\x00<&\xff") },
		"other XML":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<svg></svg>") },
		"plain text":  func(w http.ResponseWriter) { _, _ = io.WriteString(w, "text") },
		"nothing":     func(http.ResponseWriter) {},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "source", "copy")
			f.put(t, "source", "a", []byte("a"))
			f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if !tagged(r) {
					return false
				}
				answer(w)
				return true
			})
			require.NoError(t, move(t, f.source(t, "source", ""), f.destination(t, "copy", ""), "a"))
		})
	}
}

// An answer that breaks off says nothing about tags.
func TestTagsThatBreakOff(t *testing.T) {
	f := newFake(t, "source", "copy")
	f.put(t, "source", "a", []byte("a"))
	f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if tagged(r) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "<Tagging><TagSet>")
		}
		return tagged(r)
	})
	require.Error(t, move(t, f.source(t, "source", ""), f.destination(t, "copy", ""), "a"))
}

// deny refuses the requests that match, and may hide the counts of tags in the
// answers to others.
func (f *fakeServer) deny(match func(*http.Request) bool, counted bool) {
	f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if match(r) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
			return true
		}
		if counted || r.URL.Query().Has("tagging") {
			return false
		}
		f.honest.ServeHTTP(&countless{ResponseWriter: w}, r)
		return true
	})
}

// countless leaves out the count of tags.
type countless struct{ http.ResponseWriter }

func (w *countless) WriteHeader(status int) {
	w.Header().Del("X-Amz-Tagging-Count")
	w.ResponseWriter.WriteHeader(status)
}

func (w *countless) Write(b []byte) (int, error) {
	w.Header().Del("X-Amz-Tagging-Count")
	return w.ResponseWriter.Write(b)
}
