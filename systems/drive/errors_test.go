package drive

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
)

func isList(r *http.Request) bool {
	return r.URL.Path == "/drive/v3/files" && r.Method == http.MethodGet
}

// answers has the server answer the requests that match with an error, for good.
func answers(s *drivetest.Server, match func(*http.Request) bool, status int, reason string) {
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if match(r) {
			drivetest.Fail(w, status, reason)
		}
		return match(r)
	})
}

func TestKindsOfErrors(t *testing.T) {
	const transient, permanent, outage = ingest.KindTransient, ingest.KindPermanent, ingest.KindOutage
	for name, tc := range map[string]struct {
		match         func(*http.Request) bool
		status        int
		reason        string
		stat, store   ingest.Kind
		update        ingest.Kind
		misconfigured bool
	}{
		"credentials":               {always, 401, "authError", outage, outage, outage, true},
		"API key":                   {always, 400, "keyInvalid", outage, outage, outage, true},
		"API is not enabled":        {always, 403, "accessNotConfigured", outage, outage, outage, true},
		"folder is gone":            {always, 404, "notFound", outage, outage, outage, true},
		"rate limit":                {always, 403, "rateLimitExceeded", outage, outage, outage, false},
		"rate limit of a user":      {always, 403, "userRateLimitExceeded", outage, outage, outage, false},
		"too many requests":         {always, 429, "rateLimitExceeded", outage, outage, outage, false},
		"503":                       {always, 503, "backendError", outage, outage, outage, false},
		"500 everywhere":            {always, 500, "internalError", outage, outage, outage, false},
		"500 for this object":       {isUpload, 500, "internalError", 0, transient, transient, false},
		"full":                      {isUpload, 403, "storageQuotaExceeded", 0, outage, outage, false},
		"may not add, or this file": {isUpload, 403, "insufficientFilePermissions", 0, outage, transient, false},
		"too deep":                  {isUpload, 403, "teamDriveHierarchyTooDeep", 0, permanent, permanent, false},
		"bad request":               {isUpload, 400, "badRequest", 0, transient, transient, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := drivetest.New(t)
			s.Put("held", []byte("x"), drivetest.RootID)
			fails := func(want ingest.Kind, f func(d *destination) error) {
				t.Helper()
				d := newDrive(t, s, "")
				answers(s, tc.match, tc.status, tc.reason)
				err := f(d)
				require.Error(t, err)
				assert.Equal(t, want, ingest.KindOf(err), "%v", err)
				if tc.misconfigured {
					require.ErrorIs(t, err, ingest.ErrMisconfigured)
				}
				require.NotErrorIs(t, err, ingest.ErrNotFound)
				assert.NotContains(t, err.Error(), drivetest.Key)
				assert.NotContains(t, err.Error(), "http://", "an upload's URL is a secret")
			}
			if tc.match(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/drive/v3/files"}}) {
				fails(tc.stat, func(d *destination) error { _, err := d.Stat(t.Context(), named("a")); return err })
				fails(tc.stat, func(d *destination) error { return d.TestConnection(t.Context()) })
			}
			for _, content := range [][]byte{[]byte("small"), large} {
				fails(tc.store, func(d *destination) error { _, err := d.Store(t.Context(), named("a"), object(content)); return err })
				fails(tc.update, func(d *destination) error { _, err := d.Store(t.Context(), named("held"), object(content)); return err })
			}
			s.Fault(nil)
			store(t, newDrive(t, s, ""), "a", large)
		})
	}
}

func TestServerThatIsDownIsAnOutage(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	s.Close()
	_, err := d.Stat(t.Context(), named("a"))
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "%v", err)
	_, err = d.Store(t.Context(), named("a"), object(large))
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "%v", err)
	require.ErrorIs(t, d.TestConnection(t.Context()), ingest.ErrOutage)
}

// A connection that breaks each time for one object only is that object's failure.
func TestBrokenConnections(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	_, err := d.Store(t.Context(), named("a"), object(large))
	require.Error(t, err)
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err), "%v", err)

	s.Fault(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	_, err = d.Store(t.Context(), named("a"), object(large))
	require.Error(t, err)
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "%v", err)
}

// An incomplete search must not pass for nothing found.
func TestIncompleteSearch(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if isList(r) {
			_, _ = w.Write([]byte(`{"files":[],"incompleteSearch":true}`))
		}
		return isList(r)
	})
	_, err := d.Stat(t.Context(), named("a"))
	require.ErrorIs(t, err, errIncomplete)
	require.NotErrorIs(t, err, ingest.ErrNotFound)
}

func TestRequestsAreTriedAgain(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "folder: backups")
	failed := map[string]bool{}
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		key := r.Method + " " + r.URL.Path
		if failed[key] {
			return false
		}
		failed[key] = true
		drivetest.Fail(w, http.StatusServiceUnavailable, "backendError")
		return true
	})
	_, err := d.Store(t.Context(), named("a"), ingest.Object{Len: 7, Reader: strings.NewReader("content"), ETag: "0f"})
	require.NoError(t, err)
	held, err := d.Stat(t.Context(), named("a"))
	require.NoError(t, err)
	assert.NotEmpty(t, held.SourceVersion)
	for _, request := range []string{"GET /drive/v3/files/root", "GET /drive/v3/files", "GET /drive/v3/files/generateIds", "POST /drive/v3/files", "POST /upload/drive/v3/files"} {
		assert.True(t, failed[request], request)
	}
	only(t, s, "backups")
	only(t, s, "backups / a")
}
