package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// object matches the requests for one object, not those for the bucket.
func object(r *http.Request) bool { return strings.Count(strings.Trim(r.URL.Path, "/"), "/") > 0 }

func everything(*http.Request) bool { return true }

func TestKindsOfErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		match         func(*http.Request) bool
		status        int
		code          string
		read          ingest.Kind
		write         ingest.Kind
		misconfigured bool
	}{
		"wrong key":            {everything, 403, "InvalidAccessKeyId", ingest.KindOutage, ingest.KindOutage, true},
		"wrong secret":         {everything, 403, "SignatureDoesNotMatch", ingest.KindOutage, ingest.KindOutage, true},
		"no bucket":            {everything, 404, "NoSuchBucket", ingest.KindOutage, ingest.KindOutage, true},
		"one object is denied": {object, 403, "AccessDenied", ingest.KindTransient, ingest.KindOutage, false},
		"bad name":             {object, 400, "InvalidObjectName", ingest.KindPermanent, ingest.KindPermanent, false},
		"bad digest":           {object, 400, "BadDigest", ingest.KindTransient, ingest.KindTransient, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "bucket")
			f.put(t, "bucket", "a", []byte("x"))
			src, dst := f.source(t, "bucket", ""), f.destination(t, "bucket", "")
			f.answer(tc.match, tc.status, tc.code)
			_, err := src.Download(t.Context(), ingest.NewCodec("a", "a", nil))
			require.Error(t, err)
			assert.Equal(t, tc.read, ingest.KindOf(err), "reading: %v", err)
			if tc.misconfigured {
				require.ErrorIs(t, err, ingest.ErrMisconfigured)
			}
			require.NotErrorIs(t, err, ingest.ErrNotFound, "it would count as vanished")

			_, err = dst.Store(t.Context(), ingest.NewCodec("a", "a", nil), ingest.Object{Len: 1, Reader: strings.NewReader("y")})
			require.Error(t, err)
			assert.Equal(t, tc.write, ingest.KindOf(err), "writing: %v", err)
		})
	}
}

func TestServerThatIsDownIsAnOutage(t *testing.T) {
	f := newFake(t, "bucket")
	src, dst := f.source(t, "bucket", ""), f.destination(t, "bucket", "")
	f.Close()
	codec := ingest.NewCodec("a", "a", nil)
	_, err := src.Download(t.Context(), codec)
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "%v", err)
	_, err = dst.Stat(t.Context(), codec)
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "%v", err)
	require.ErrorIs(t, dst.TestConnection(t.Context()), ingest.ErrOutage)
}

// A HEAD answers 404 for a bucket that is gone too.
func TestVanishedOnlyInABucketThatIsThere(t *testing.T) {
	f := newFake(t, "bucket")
	codec := ingest.NewCodec("a", "a", nil)
	_, err := f.source(t, "bucket", "").Stat(t.Context(), codec)
	require.ErrorIs(t, err, ingest.ErrNotFound)
	gone := f.source(t, "absent", "")
	_, err = gone.Stat(t.Context(), codec)
	require.ErrorIs(t, err, ingest.ErrMisconfigured)
	require.NotErrorIs(t, err, ingest.ErrNotFound)
	require.ErrorContains(t, err, fmt.Sprintf("no bucket %q", "absent"))
	require.ErrorIs(t, gone.TestConnection(t.Context()), ingest.ErrMisconfigured)
}

// An error in the middle of a listing skips nothing and is not the end.
func TestListingGoesOnAfterAnError(t *testing.T) {
	f := newFake(t, "bucket")
	for i := range 5 {
		f.put(t, "bucket", fmt.Sprintf("k%d", i), []byte("x"))
	}
	src := f.source(t, "bucket", "start_after: k0")
	require.NoError(t, src.Reset(t.Context()))
	f.answer(everything, 403, "SignatureDoesNotMatch")
	_, err := src.Next(t.Context())
	require.ErrorIs(t, err, ingest.ErrMisconfigured)
	f.heal()
	for i := 1; i < 5; i++ {
		codec, err := src.Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("k%d", i), codec.ID)
	}
}
