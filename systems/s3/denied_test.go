package s3

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// Whoever may put objects but not list is denied a look at what is not there. It
// must be stored all the same.
func TestDeniedLookAtADestination(t *testing.T) {
	f := newFake(t, "bucket")
	d := f.destination(t, "bucket", "")
	f.answer(func(r *http.Request) bool { return r.Method == http.MethodHead && r.URL.Path == "/bucket/key" }, http.StatusForbidden, "AccessDenied")
	_, err := d.Stat(t.Context(), ingest.NewCodec("id", "key", nil))
	require.ErrorIs(t, err, ingest.ErrNotFound)
}

// A listing that was cancelled, by the stall timeout say, ends in minio-go as if
// it were complete. It must go on instead.
func TestCancelledListingIsNotTheEnd(t *testing.T) {
	f := newFake(t, "bucket")
	for _, key := range []string{"a", "b", "c"} {
		f.put(t, "bucket", key, []byte(key))
	}
	s := f.source(t, "bucket", "")
	require.NoError(t, s.Reset(t.Context()))
	first, err := s.Next(t.Context())
	require.NoError(t, err)
	s.list.reader.cancel(&ingest.StallError{})

	got, stalls := []string{first.ID}, 0
	for {
		codec, err := s.Next(t.Context())
		var stall *ingest.StallError
		if errors.As(err, &stall) {
			stalls++
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		got = append(got, codec.ID)
	}
	assert.Equal(t, 1, stalls)
	assert.Equal(t, []string{"a", "b", "c"}, got)
}
