package s3

import (
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

// against is the YAML of a source whose listing is compared with buckets of f.
func (f *fakeServer) against(more string, buckets ...string) string {
	var b strings.Builder
	b.WriteString(more + "\ndestinations:\n")
	for _, bucket := range buckets {
		name, prefix, _ := strings.Cut(bucket, "/")
		fmt.Fprintf(&b, "  - { endpoint: %s, insecure: true, region: us-east-1, bucket: %s, prefix: %q, metafiles_prefix: meta/, access_key_id: id, secret_access_key: secret }\n", f.endpoint(), name, prefix)
	}
	return b.String()
}

// emitted returns the hints of a scan by the names of its elements.
func emitted(t *testing.T, s *source) map[string]string {
	t.Helper()
	require.NoError(t, s.Reset(t.Context()))
	found := map[string]string{}
	for {
		codec, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		found[codec.Name] = s.Hints()[ingest.MetaAbsent]
	}
}

func TestCompareWithBuckets(t *testing.T) {
	f := newFake(t, "source", "aaa", "bbb")
	for _, name := range []string{"in/new", "in/same", "in/other", "in/sub/same", "in/sub/new", "in/meta/x", "out"} {
		f.put(t, "source", name, []byte(name))
		switch name {
		case "in/same", "in/sub/same":
			f.put(t, "aaa", strings.TrimPrefix(name, "in/"), []byte(name))
			f.put(t, "bbb", "copies/"+strings.TrimPrefix(name, "in/"), []byte(name))
		case "in/other":
			f.put(t, "aaa", "other", []byte("in/OTHER"))
		}
	}
	// A metafile is no copy.
	f.put(t, "aaa", "meta/x", []byte("in/meta/x"))
	f.put(t, "bbb", "copies/meta/x", []byte("in/meta/x"))
	a, b := f.destination(t, "aaa", ""), f.destination(t, "bbb", "prefix: copies/")
	absent := func(name string, at ...*destination) string {
		var tokens []string
		for _, d := range at {
			tokens = append(tokens, ingest.AbsenceToken(d.Location(ingest.NewCodec("id", name, nil))))
		}
		return strings.Join(tokens, ",")
	}
	for name, tc := range map[string]struct {
		more string
		want map[string]string
	}{
		"recursive": {"", map[string]string{
			"new": absent("new", a, b), "other": absent("other", b), "sub/new": absent("sub/new", a, b), "meta/x": absent("meta/x", a),
		}},
		"one level":   {"recursive: false", map[string]string{"new": absent("new", a, b), "other": absent("other", b)}},
		"start_after": {"start_after: in/new", map[string]string{"other": absent("other", b), "sub/new": absent("sub/new", a, b)}},
		"opaque": {"recursive: false\netags: opaque", map[string]string{
			"new": absent("new", a, b), "other": absent("other", b), "same": "",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := f.source(t, "source", f.against("prefix: in/\n"+tc.more, "aaa", "bbb/copies/"))
			require.NoError(t, s.TestConnection(t.Context()))
			assert.Equal(t, tc.want, emitted(t, s))
			assert.Equal(t, tc.want, emitted(t, s), "again")
			require.NoError(t, s.Close())
		})
	}
}

func TestCompareNeedsNoMoreThanTheListings(t *testing.T) {
	f := newFake(t, "source", "copy")
	for i := range 5 {
		name := fmt.Sprint(i)
		f.put(t, "source", name, []byte(name))
		f.put(t, "copy", name, []byte(name))
	}
	s := f.source(t, "source", f.against("", "copy"))
	before := f.requests.Load()
	assert.Empty(t, emitted(t, s))
	assert.EqualValues(t, 5, s.Unchanged())
	assert.EqualValues(t, 2, f.requests.Load()-before)
}

func TestCompareRefuses(t *testing.T) {
	f := newFake(t, "source")
	err := f.trySource(t, "source", f.against("prefix: in/", "source/in/"))
	require.ErrorContains(t, err, "field destinations.0")
	require.ErrorContains(t, err, "is the source itself")
}

// A destination that is missing is a wrong configuration, as a source is.
func TestCompareWithAMissingBucket(t *testing.T) {
	f := newFake(t, "source")
	f.put(t, "source", "k", []byte("x"))
	s := f.source(t, "source", f.against("", "copy"))
	require.ErrorIs(t, s.TestConnection(t.Context()), ingest.ErrMisconfigured)
	at := "destinations.0 s3://" + f.endpoint() + "/copy/: "
	require.ErrorContains(t, s.TestConnection(t.Context()), at)
	require.ErrorContains(t, s.TestAccess(t.Context(), ingest.AccessList, nil), at+"bucket copy does not exist")
	require.NoError(t, s.Reset(t.Context()))
	_, err := s.Next(t.Context())
	require.ErrorIs(t, err, ingest.ErrMisconfigured)
	require.ErrorContains(t, err, at)
	require.ErrorContains(t, err, `there is no bucket "copy"`)
}

// An answer without content, as a proxy may give, reads as the end of a file.
func TestEmptyAnswerIsNotTheEndOfAListing(t *testing.T) {
	f := newFake(t, "source")
	f.put(t, "source", "k", []byte("x"))
	s := f.source(t, "source", "")
	require.NoError(t, s.Reset(t.Context()))
	empty := func(w http.ResponseWriter, r *http.Request) bool { return r.Method == http.MethodGet }
	f.intercept.Store(&empty)
	_, err := s.Next(t.Context())
	require.Error(t, err)
	require.NotErrorIs(t, err, io.EOF)
	f.heal()
	codec, err := s.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "k", codec.ID)
}
