package s3

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

// requests notes what a server is asked, and answers some of it with an error.
type requests struct {
	mu  sync.Mutex
	all []*http.Request
}

func (r *requests) methods(method string) (paths []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.all {
		if req.Method == method {
			paths = append(paths, req.URL.Path)
		}
	}
	return paths
}

// note makes the server note what it is asked, and deny what matches.
func (f *fakeServer) note(denies func(*http.Request) bool) *requests {
	noted := &requests{}
	f.answer(func(r *http.Request) bool {
		noted.mu.Lock()
		noted.all = append(noted.all, r)
		noted.mu.Unlock()
		return denies(r)
	}, http.StatusForbidden, "AccessDenied")
	return noted
}

func TestAccessOfASource(t *testing.T) {
	f := newFake(t, "bucket")
	f.put(t, "bucket", "in/a", []byte("a"))
	s := f.source(t, "bucket", "prefix: in/")
	isGet := func(r *http.Request) bool { return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/in/a") }
	isList := func(r *http.Request) bool { return r.URL.Query().Has("list-type") }
	isDelete := func(r *http.Request) bool { return r.Method == http.MethodDelete }
	beside := ingest.NewCodec("in/a", "a", nil)

	for access, denies := range map[ingest.Access]func(*http.Request) bool{
		ingest.AccessList: isList, ingest.AccessGet: isGet, ingest.AccessDelete: isDelete,
	} {
		f.heal()
		require.NoError(t, s.TestAccess(t.Context(), access, &beside), access)
		f.note(denies)
		err := s.TestAccess(t.Context(), access, &beside)
		require.ErrorIs(t, err, ingest.ErrDenied, access)
		assert.Contains(t, finding.Of("", err).Mend, "grant s3:", access)
	}
}

// What may be deleted is told only by a bucket without versions: elsewhere the
// test could leave a delete marker.
func TestNoDeleteIsSentWhereItCouldLeaveAMarker(t *testing.T) {
	f := newFake(t, "bucket")
	s := f.source(t, "bucket", "")
	noted := f.note(func(r *http.Request) bool { return r.URL.Query().Has("versioning") })
	require.ErrorIs(t, s.TestAccess(t.Context(), ingest.AccessDelete, nil), ingest.ErrNotTested)
	assert.Empty(t, noted.methods(http.MethodDelete))

	f.heal()
	require.NoError(t, s.api.EnableVersioning(t.Context(), "bucket"))
	noted = f.note(func(*http.Request) bool { return false })
	require.ErrorIs(t, s.TestAccess(t.Context(), ingest.AccessDelete, nil), ingest.ErrNotTested)
	assert.Empty(t, noted.methods(http.MethodDelete))
}

// Who may read but not list is denied a key that is not there, too.
func TestGetWithoutListing(t *testing.T) {
	f := newFake(t, "bucket")
	s := f.source(t, "bucket", "")
	f.note(func(r *http.Request) bool { return r.Method == http.MethodGet })
	require.ErrorIs(t, s.TestAccess(t.Context(), ingest.AccessGet, nil), ingest.ErrNotTested)
}

// Who may delete beneath a prefix only is denied it elsewhere.
func TestDeleteWhereNoObjectIsKnown(t *testing.T) {
	f := newFake(t, "bucket")
	s := f.source(t, "bucket", "")
	f.note(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	require.ErrorIs(t, s.TestAccess(t.Context(), ingest.AccessDelete, nil), ingest.ErrNotTested)
	f.heal()
	f.put(t, "bucket", "in/a", []byte("a"))
	noted := f.note(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	require.ErrorIs(t, s.TestAccess(t.Context(), ingest.AccessDelete, nil), ingest.ErrDenied)
	assert.Contains(t, noted.methods(http.MethodDelete)[0], "/bucket/in/.ingest-check-")
}

func TestUnusedKeysAreBesideTheElements(t *testing.T) {
	f := newFake(t, "bucket")
	s := f.source(t, "bucket", "")
	noted := f.note(func(*http.Request) bool { return false })
	beside := ingest.NewCodec("in/deep/a", "a", nil)
	require.NoError(t, s.TestAccess(t.Context(), ingest.AccessDelete, &beside))
	require.Len(t, noted.methods(http.MethodDelete), 1)
	assert.Contains(t, noted.methods(http.MethodDelete)[0], "/bucket/in/deep/.ingest-check-")
}

func TestAccessOfADestination(t *testing.T) {
	f := newFake(t, "bucket")
	d := f.destination(t, "bucket", "prefix: out/")
	require.NoError(t, d.TestAccess(t.Context(), ingest.AccessGet, nil))
	require.NoError(t, d.TestAccess(t.Context(), ingest.AccessDelete, nil))
	noted := f.note(func(r *http.Request) bool { return r.Method == http.MethodPut })
	require.ErrorIs(t, d.TestAccess(t.Context(), ingest.AccessPut, nil), ingest.ErrDenied)
	require.NotEmpty(t, noted.methods(http.MethodPut))
	assert.Contains(t, noted.methods(http.MethodPut)[0], "/bucket/out/.ingest-check-")
	assert.True(t, noted.all[len(noted.all)-1].URL.Query().Has("uploadId"), "never a whole object")

	nowhere := f.destination(t, "nowhere", "")
	f.heal()
	err := nowhere.TestAccess(t.Context(), ingest.AccessGet, nil)
	require.Error(t, err)
	assert.Equal(t, "create it (mc mb, aws s3 mb), or fix field bucket", finding.Of("", err).Mend)
}
