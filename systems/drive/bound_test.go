package drive

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/internal/drivetest"
)

// TestOtherServersAreNotAsked leads an upload, and a look, to a server that would get
// the key and the content.
func TestOtherServersAreNotAsked(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	for name, lead := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"upload": func(w http.ResponseWriter, r *http.Request) bool {
			if !isUpload(r) {
				return false
			}
			w.Header().Set("Location", elsewhere.URL+"/upload/session/1")
			return true
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, elsewhere.URL+"/planted", http.StatusTemporaryRedirect)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := drivetest.New(t)
			s.Fault(lead)
			_, err := newDrive(t, s, "").Store(t.Context(), named("large"), object(large))
			require.ErrorContains(t, err, "leads to another server")
			assert.NotContains(t, err.Error(), "planted")
			assert.NotContains(t, err.Error(), drivetest.Key)
			assert.Zero(t, asked.Load())
		})
	}
}

func TestBoundTransportAllows(t *testing.T) {
	for _, tc := range []struct {
		endpoint, to string
		want         bool
	}{
		{defaultEndpoint, defaultEndpoint + "/upload/drive/v3/files?upload_id=1", true},
		{defaultEndpoint, "https://content.googleapis.com/upload", true},
		{defaultEndpoint, "http://www.googleapis.com/upload", false},
		{defaultEndpoint, "https://googleapis.com.example.com/upload", false},
		{defaultEndpoint, "https://notgoogleapis.com/upload", false},
		{"http://localhost:8080", "http://localhost:8080/upload", true},
		{"http://localhost:8080", "http://localhost:8081/upload", false},
		{"http://localhost:8080", "https://www.googleapis.com/upload", false},
	} {
		endpoint, err := url.Parse(tc.endpoint)
		require.NoError(t, err)
		to, err := url.Parse(tc.to)
		require.NoError(t, err)
		assert.Equal(t, tc.want, (&boundTransport{endpoint: endpoint}).allows(to), tc.to)
	}
}
