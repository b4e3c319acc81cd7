package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// Only the same server, asked as the same account, has the source's objects for sure.
func TestCanCopy(t *testing.T) {
	f := newFake(t)
	from := f.source(t, "source", "")
	assert.True(t, f.destination(t, "copy", "").CanCopy(from))
	for name, d := range map[string]*destination{
		"another server":  newFake(t).destination(t, "copy", ""),
		"another account": f.destination(t, "copy", "session_token: another"),
		"over TLS":        f.destination(t, "copy", "tls: { enabled: true }"),
		"not wanted":      f.destination(t, "copy", "server_copy: false"),
		"never":           f.destination(t, "copy", "overwrite: never"),
		"CRC32C":          f.destination(t, "copy", "checksum: crc32c"),
	} {
		if name == "over TLS" {
			d.account.insecure = false
		}
		assert.False(t, d.CanCopy(from), name)
	}
	assert.False(t, f.destination(t, "copy", "").CanCopy(f.source(t, "source", "etags: opaque")))
	assert.False(t, f.destination(t, "copy", "").CanCopy(nil))
}

// copyOf copies the object o from one bucket to another of the fake server.
func copyOf(t *testing.T, f *fakeServer, d *destination) (*ingest.Stored, error) {
	t.Helper()
	s := f.source(t, "source", "")
	obj, err := s.Stat(t.Context(), ingest.Codec{ID: "o"})
	require.NoError(t, err)
	return d.Copy(t.Context(), s, ingest.Codec{ID: "o"}, ingest.NewCodec("o", "o", nil), *obj)
}

func isCopy(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

func TestCopyRequest(t *testing.T) {
	f := newFake(t, "source", "copy")
	f.put(t, "source", "o", []byte("content"))
	var sent http.Header
	f.answer(func(r *http.Request) bool {
		if isCopy(r) {
			sent = r.Header.Clone()
		}
		return false
	}, 0, "")
	stored, err := copyOf(t, f, f.destination(t, "copy", "storage_class: STANDARD_IA"))
	require.NoError(t, err)
	assert.True(t, stored.Verified)
	for header, want := range map[string]string{
		"X-Amz-Copy-Source":          "source/o",
		"X-Amz-Copy-Source-If-Match": `"` + stored.ETag + `"`,
		"X-Amz-Metadata-Directive":   "REPLACE",
		"X-Amz-Tagging-Directive":    "REPLACE",
		"X-Amz-Storage-Class":        "STANDARD_IA",
		"Content-Type":               "text/plain",
	} {
		assert.Equal(t, want, sent.Get(header), header)
	}
}

// What the server has against copies it need not have against uploads. It is asked
// again only if copies have worked before.
func TestRefusedCopies(t *testing.T) {
	for _, tc := range []struct {
		status  int
		code    string
		stream  bool
		forGood bool
	}{
		{http.StatusNotImplemented, "NotImplemented", true, true},
		{http.StatusForbidden, "AccessDenied", true, true},
		{http.StatusLengthRequired, "MissingContentLength", true, true},
		{http.StatusBadRequest, "InvalidRequest", true, false},
		{http.StatusNotFound, "NoSuchKey", true, false},
		{http.StatusPreconditionFailed, "PreconditionFailed", true, false},
		{http.StatusServiceUnavailable, "SlowDown", false, false},
		{http.StatusInternalServerError, "InternalError", false, false},
	} {
		t.Run(tc.code, func(t *testing.T) {
			f := newFake(t, "source", "copy")
			f.put(t, "source", "o", []byte("content"))
			d := f.destination(t, "copy", "")
			f.answer(isCopy, tc.status, tc.code)
			_, err := copyOf(t, f, d)
			require.Error(t, err)
			assert.Equal(t, tc.stream, errors.Is(err, errors.ErrUnsupported), "%v", err)
			assert.Equal(t, tc.status == http.StatusServiceUnavailable, ingest.KindOf(err) == ingest.KindOutage, "%v", err)
			assert.Equal(t, !tc.forGood, d.CanCopy(f.source(t, "source", "")))

			proven := f.destination(t, "copy", "")
			f.heal()
			_, err = copyOf(t, f, proven)
			require.NoError(t, err)
			f.answer(isCopy, tc.status, tc.code)
			_, err = copyOf(t, f, proven)
			require.Error(t, err)
			assert.True(t, proven.CanCopy(f.source(t, "source", "")))
		})
	}
}

// answerCopy makes the server answer copies with a body of the test's.
func answerCopy(f *fakeServer, body string) {
	i := func(w http.ResponseWriter, r *http.Request) bool {
		if isCopy(r) {
			fmt.Fprint(w, body) //nolint:errcheck // the client sees
		}
		return isCopy(r)
	}
	f.intercept.Store(&i)
}

// A copy that is something else than the source had is taken away, and streamed.
func TestCopyOfSomethingElse(t *testing.T) {
	f := newFake(t, "source", "copy")
	f.put(t, "source", "o", []byte("content"))
	f.put(t, "copy", "o", []byte("another"))
	d := f.destination(t, "copy", "")
	held, err := d.Stat(t.Context(), ingest.NewCodec("o", "o", nil))
	require.NoError(t, err)
	answerCopy(f, "<CopyObjectResult><ETag>&#34;"+held.ETag+"&#34;</ETag></CopyObjectResult>")
	_, err = copyOf(t, f, d)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = d.Stat(t.Context(), ingest.NewCodec("o", "o", nil))
	require.ErrorIs(t, err, ingest.ErrNotFound)
	assert.False(t, d.CanCopy(f.source(t, "source", "")))
}

// S3 may answer 200 before it fails.
func TestCopyThatFailsLate(t *testing.T) {
	f := newFake(t, "source", "copy")
	f.put(t, "source", "o", []byte("content"))
	f.put(t, "copy", "o", []byte("another"))
	d := f.destination(t, "copy", "")
	answerCopy(f, "<Error><Code>InternalError</Code><Message>later</Message></Error>")
	_, err := copyOf(t, f, d)
	require.Error(t, err)
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
	_, err = d.Stat(t.Context(), ingest.NewCodec("o", "o", nil))
	require.NoError(t, err, "what was there is left alone")
}

// Parts that together are not what the source has are never completed.
func TestCopyOfOtherParts(t *testing.T) {
	f := newFake(t, "source", "copy")
	s := f.source(t, "source", "")
	obj := &ingest.Object{Len: 2*minPartSize + 1, ETag: strings.Repeat("a", 32) + "-3", PartSize: minPartSize}
	for name, etag := range map[string]string{
		"another content": "d41d8cd98f00b204e9800998ecf8427e",
		"no digest":       "1",
	} {
		t.Run(name, func(t *testing.T) {
			d := f.destination(t, "copy", "")
			completed := false
			i := func(w http.ResponseWriter, r *http.Request) bool {
				completed = completed || (r.Method == http.MethodPost && r.URL.Query().Has("uploadId"))
				if isCopy(r) {
					fmt.Fprintf(w, "<CopyPartResult><ETag>%s</ETag></CopyPartResult>", etag) //nolint:errcheck // the client sees
				}
				return isCopy(r)
			}
			f.intercept.Store(&i)
			defer f.heal()
			c := &serverCopy{upload: &upload{d: d, key: "o", obj: obj}, from: s, id: ingest.Codec{ID: "o"}}
			_, err := c.inParts(t.Context(), obj.PartSize)
			require.ErrorIs(t, err, errOtherParts)
			assert.False(t, completed)
			uploads, err := d.api.ListMultipartUploads(t.Context(), "copy", "o", "", "", "", 10)
			require.NoError(t, err)
			assert.Empty(t, uploads.Uploads)
		})
	}
}
