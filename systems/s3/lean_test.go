package s3

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// leanRequests counts the requests that minio-go did not make, and has fail answer them.
func leanRequests(f *fakeServer, fail func(http.ResponseWriter, *http.Request) bool) *atomic.Int32 {
	var n atomic.Int32
	f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.UserAgent() != "ingest" {
			return false
		}
		n.Add(1)
		return fail != nil && fail(w, r)
	})
	return &n
}

func TestLeanRequests(t *testing.T) {
	f := newFake(t, "from", "copy")
	f.put(t, "from", "a/b-1_2~.x", []byte("content"))
	s, d := f.source(t, "from", ""), f.destination(t, "copy", "prefix: x/")
	lean := leanRequests(f, nil)
	codec := ingest.NewCodec("a/b-1_2~.x", "a/b-1_2~.x", nil)
	obj, err := s.Download(t.Context(), codec)
	require.NoError(t, err)
	obj.Metadata["Color"] = "blue"
	stored, err := d.Store(t.Context(), codec, *obj)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	assert.True(t, stored.Verified)
	assert.EqualValues(t, 2, lean.Load())

	copied, err := f.source(t, "copy", "").Download(t.Context(), ingest.NewCodec("x/a/b-1_2~.x", "", nil))
	require.NoError(t, err)
	content, err := io.ReadAll(copied.Reader)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
	assert.Equal(t, "text/plain", copied.MimeType)
	assert.Equal(t, map[string]string{"Color": "blue"}, copied.Metadata)
}

// What is not answered well is asked again by minio-go, which says what is wrong.
func TestLeanRequestsThatFail(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			return true
		}
	}
	for name, tc := range map[string]struct {
		fail func(http.ResponseWriter, *http.Request) bool
		// again is how many of two downloads try.
		again int32
	}{
		"busy":       {status(http.StatusServiceUnavailable), 2},
		"redirected": {status(http.StatusTemporaryRedirect), 2},
		"hung up":    {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, 2},
		"no time": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				w.Header().Set("Last-Modified", "never")
			}
			return r.Method == http.MethodGet
		}, 2},
		"not signed as it should be": {status(http.StatusForbidden), 1},
		"not understood":             {status(http.StatusBadRequest), 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "from", "copy")
			f.put(t, "from", "a", []byte("content"))
			s, d := f.source(t, "from", ""), f.destination(t, "copy", "")
			lean := leanRequests(f, tc.fail)
			for range 2 {
				obj, err := s.Download(t.Context(), ingest.NewCodec("a", "a", nil))
				require.NoError(t, err)
				_, err = d.Store(t.Context(), ingest.NewCodec("a", "a", nil), *obj)
				require.NoError(t, err)
				require.NoError(t, obj.Close())
			}
			assert.Equal(t, 2*tc.again, lean.Load())
		})
	}
}

// A content that arrived damaged is not sent again in the same attempt.
func TestLeanRequestsOfDamagedContent(t *testing.T) {
	f := newFake(t, "from", "copy")
	f.put(t, "from", "a", []byte("content"))
	s, d := f.source(t, "from", ""), f.destination(t, "copy", "")
	var puts atomic.Int32
	f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		puts.Add(1)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "<Error><Code>BadDigest</Code><Message>as the test says</Message></Error>")
		return true
	})
	for range 2 {
		obj, err := s.Download(t.Context(), ingest.NewCodec("a", "a", nil))
		require.NoError(t, err)
		_, err = d.Store(t.Context(), ingest.NewCodec("a", "a", nil), *obj)
		require.ErrorContains(t, err, "BadDigest")
		require.NoError(t, obj.Close())
	}
	assert.EqualValues(t, 2, puts.Load())
	assert.False(t, d.lean.off.Load())
}

func TestLeanRequestsKeepConditions(t *testing.T) {
	f := newFake(t, "from")
	f.put(t, "from", "a", []byte("content"))
	s := f.source(t, "from", "")
	var conditions []string
	f.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.UserAgent() == "ingest" {
			conditions = append(conditions, r.Header.Get("If-Match"))
		}
		return false
	})
	obj, err := s.DownloadVersion(t.Context(), ingest.NewCodec("a", "a", nil), &ingest.Object{ETag: "0123"})
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	assert.Equal(t, []string{`"0123"`}, conditions)
}

func TestKeysThatStandInAURL(t *testing.T) {
	for _, key := range []string{"a", "a/b", "A-b_c~d.e/f.g", "0", "a/"} {
		assert.True(t, standsInURL(key), key)
	}
	for _, key := range []string{"", "/a", "a//b", ".", "..", "a/../b", "a/.b", "a..b", "a b", "a+b", "a%41", "a?b", "a#b", "ä", "a\x00", "a\xff"} {
		assert.False(t, standsInURL(key), "%q", key)
	}
}

func TestLeanScope(t *testing.T) {
	newScope := func(c connection) *scope {
		c.creds = credentials.NewStaticV4("id", "secret", "token")
		client, err := newClient(c)
		require.NoError(t, err)
		return client.lean.scopeOf(t.Context())
	}
	assert.Equal(t, &scope{"http", "127.0.0.1:9000", "/bucket/", "us-east-1"},
		newScope(connection{endpoint: "127.0.0.1:9000", insecure: true, region: "us-east-1", bucket: "bucket"}))
	assert.Equal(t, &scope{"https", "bucket.s3.dualstack.eu-west-1.amazonaws.com", "/", "eu-west-1"},
		newScope(connection{endpoint: "s3.amazonaws.com", region: "eu-west-1", bucket: "bucket"}))
}

func TestLeanRequestsNeedASignature(t *testing.T) {
	f := newFake(t, "from")
	f.put(t, "from", "a", []byte("content"))
	for name, creds := range map[string]*credentials.Credentials{
		"none": credentials.NewStatic("", "", "", credentials.SignatureAnonymous),
		"V2":   credentials.NewStaticV2("id", "secret", ""),
	} {
		t.Run(name, func(t *testing.T) {
			client, err := newClient(connection{endpoint: f.endpoint(), insecure: true, region: "us-east-1", bucket: "from", creds: creds})
			require.NoError(t, err)
			lean := leanRequests(f, nil)
			obj, err := (&source{client: client}).Download(t.Context(), ingest.NewCodec("a", "a", nil))
			require.NoError(t, err)
			require.NoError(t, obj.Close())
			assert.Zero(t, lean.Load())
		})
	}
}
