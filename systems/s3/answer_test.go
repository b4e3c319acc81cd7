package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// endless writes the same again and again, until the client has enough.
func endless(w http.ResponseWriter, text string) (written int) {
	for block := bytes.Repeat([]byte(text), 1+(1<<20)/len(text)); written < 4*maxAnswer; {
		n, err := w.Write(block)
		written += n
		if err != nil {
			break
		}
	}
	return written
}

// A page that has no end is not read to the end of the memory.
func TestEndlessAnswersAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"keys":           "<Contents><Key>a</Key><Size>1</Size></Contents>",
		"one key":        "a",
		"white space":    "          ",
		"unknown things": "<Unknown>something</Unknown>",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "copy")
			f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("list-type") == "" {
					return false
				}
				w.Header().Set("Content-Type", "application/xml")
				_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
				if name == "one key" {
					_, _ = io.WriteString(w, "<Contents><Key>")
				}
				endless(w, text)
				return true
			})
			s := f.source(t, "copy", "")
			require.NoError(t, s.Reset(t.Context()))
			_, err := s.Next(t.Context())
			require.ErrorIs(t, err, errAnswerTooLarge)
		})
	}
}

// Metadata without end is refused before it is in memory, let alone in a message.
func TestHugeHeadersAreRefused(t *testing.T) {
	f := newFake(t, "copy")
	f.put(t, "copy", "key", []byte("content"))
	size := 0
	f.meddle(func(w http.ResponseWriter, _ *http.Request) bool {
		for i := range size >> 10 {
			w.Header().Set(fmt.Sprint("X-Amz-Meta-", i), strings.Repeat("x", 1<<10))
		}
		return false
	})
	s := f.source(t, "copy", "")
	codec := ingest.NewCodec("key", "key", nil)
	size = 64 << 10
	obj, err := s.Stat(t.Context(), codec)
	require.NoError(t, err)
	assert.Len(t, obj.Metadata, 64)
	size = 2 * maxHeader
	refused := func(err error) {
		t.Helper()
		// net/http has words of its own.
		if !errors.Is(err, errHeadTooLarge) {
			require.ErrorContains(t, err, "response headers exceeded")
		}
	}
	_, err = s.Stat(t.Context(), codec)
	refused(err)
	_, err = s.Download(t.Context(), codec)
	refused(err)
}

// A URL that comes from an answer is not asked, and gets nothing signed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newFake(t, "copy")
	elsewhere.put(t, "copy", "key", []byte("another"))
	before := elsewhere.requests.Load()
	f := newFake(t, "copy")
	f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return true
	})
	_, err := f.source(t, "copy", "").Download(t.Context(), ingest.NewCodec("key", "key", nil))
	require.Error(t, err)
	_, err = f.destination(t, "copy", "").Store(t.Context(), ingest.NewCodec("key", "key", nil), ingest.Object{Len: 1, Reader: strings.NewReader("x")})
	require.Error(t, err)
	assert.Equal(t, before, elsewhere.requests.Load())
}
