package drive

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
)

func TestCredentials(t *testing.T) {
	s := drivetest.New(t)
	path := s.Credentials(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	quoted, err := json.Marshal(string(text))
	require.NoError(t, err)
	for name, more := range map[string]string{
		"file":     "credentials_file: " + path,
		"contents": "credentials_json: " + string(quoted),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, s, more+"\nshared_drive: "+drivetest.DriveID)
			require.NoError(t, d.TestConnection(t.Context()))
			store(t, d, name, []byte("content"))
		})
	}
	t.Run("by default", func(t *testing.T) {
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
		d := newDrive(t, s, "credentials_json: ''")
		store(t, d, "by default", []byte("content"))
	})
}

// A service account sees only what is shared with it, and what it makes on its own
// nobody else sees.
func TestServiceAccountMakesNoFolderOfItsOwn(t *testing.T) {
	s := drivetest.New(t)
	more := "credentials_file: " + s.Credentials(t)
	d := newDrive(t, s, more+"\nfolder: backups/2026")
	require.ErrorIs(t, d.TestConnection(t.Context()), ingest.ErrMisconfigured)
	_, err := d.Store(t.Context(), named("a"), object([]byte("content")))
	require.ErrorIs(t, err, ingest.ErrMisconfigured)
	require.ErrorContains(t, err, `no folder "backups" is shared`)
	assert.Empty(t, s.Files())

	s.Put("backups", nil, drivetest.RootID)
	require.NoError(t, d.TestConnection(t.Context()))
	store(t, d, "a", []byte("content"))
	only(t, s, "backups / 2026 / a")
}

func TestCredentialsThatAreRefused(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "credentials_file: "+s.Credentials(t))
	token := func(r *http.Request) bool { return r.URL.Path == "/token" }
	answers(s, token, http.StatusBadRequest, "invalid_grant")
	err := d.TestConnection(t.Context())
	require.ErrorIs(t, err, ingest.ErrMisconfigured)
	assert.Len(t, s.Requests(), 1, "what is refused is not tried again")
	answers(s, token, http.StatusServiceUnavailable, "backendError")
	err = d.TestConnection(t.Context())
	require.ErrorIs(t, err, ingest.ErrOutage)
	require.NotErrorIs(t, err, ingest.ErrMisconfigured)
}

func TestBadFields(t *testing.T) {
	secret := `{"type": "service_account", "private_key": "the secret`
	for name, tc := range map[string]struct{ yaml, says string }{
		"no such file":     {"credentials_file: /no/such/file", "field credentials_file"},
		"no JSON":          {"credentials_json: '" + secret + "'", "no JSON with a type"},
		"no type":          {"credentials_json: '{}'", "no JSON with a type"},
		"unknown type":     {`credentials_json: '{"type":"magic"}'`, "credentials_json"},
		"both":             {"credentials_json: '{}'\napi_key: x", "only one of them"},
		"empty folder":     {"folder: a//b", "field folder"},
		"endpoint":         {"endpoint: localhost", "field endpoint"},
		"small chunks":     {"chunk_size: 1000", "field chunk_size"},
		"chunks by halves": {"chunk_size: 393216", "field chunk_size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDestination(parse(t, tc.yaml), service.MockResources())
			require.ErrorContains(t, err, tc.says)
			assert.NotContains(t, err.Error(), "the secret")
		})
	}
}

func TestLocation(t *testing.T) {
	s := drivetest.New(t)
	for more, want := range map[string]string{
		"":                              "drive://my-drive/a/b",
		"folder: backups/2026":          "drive://my-drive/backups/2026/a/b",
		"folder_id: f\nshared_drive: d": "drive://f/a/b",
		"shared_drive: d\nfolder: x":    "drive://d/x/a/b",
	} {
		assert.Equal(t, want, newDrive(t, s, more).Location(named("a/b")))
	}
}
