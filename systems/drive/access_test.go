package drive

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

func TestAccess(t *testing.T) {
	none := func(c *drive.FileCapabilities) { *c = drive.FileCapabilities{} }
	for name, tc := range map[string]struct {
		more   string
		folder string
		change func(*drive.FileCapabilities)
		denied []ingest.Access
	}{
		"everything":              {"folder: backups", "backups", func(*drive.FileCapabilities) {}, nil},
		"reader":                  {"folder: backups", "backups", func(c *drive.FileCapabilities) { c.CanAddChildren = false }, []ingest.Access{ingest.AccessPut}},
		"nothing":                 {"folder: backups", "backups", none, []ingest.Access{ingest.AccessPut, ingest.AccessGet}},
		"contributor of a drive":  {"shared_drive: " + drivetest.DriveID, "", func(c *drive.FileCapabilities) { c.CanTrashChildren = false }, []ingest.Access{ingest.AccessDelete}},
		"manager of a drive":      {"shared_drive: " + drivetest.DriveID, "", func(c *drive.FileCapabilities) { c.CanTrashChildren, c.CanDeleteChildren = false, true }, nil},
		"above what is not there": {"folder: backups/2026/11", "backups", none, []ingest.Access{ingest.AccessPut, ingest.AccessGet}},
	} {
		t.Run(name, func(t *testing.T) {
			s := drivetest.New(t)
			id := drivetest.DriveID
			if tc.folder != "" {
				id = s.Put(tc.folder, nil, drivetest.RootID)
			}
			s.Change(id, func(f *drive.File) {
				f.Capabilities = &drive.FileCapabilities{CanAddChildren: true, CanListChildren: true, CanTrashChildren: true}
				tc.change(f.Capabilities)
			})
			d := newDrive(t, s, tc.more)
			before := s.Files()
			require.NoError(t, d.TestConnection(t.Context()))
			for _, access := range []ingest.Access{ingest.AccessPut, ingest.AccessGet, ingest.AccessDelete} {
				err := d.TestAccess(t.Context(), access, nil)
				if !assert.Equal(t, slices.Contains(tc.denied, access), err != nil, "%s: %v", access, err) || err == nil {
					continue
				}
				require.ErrorIs(t, err, ingest.ErrDenied)
				assert.NotEmpty(t, finding.Of("", err).Mend)
			}
			require.ErrorIs(t, d.TestAccess(t.Context(), ingest.AccessList, nil), ingest.ErrNotTested)
			assert.Equal(t, before, s.Files(), "a test changes nothing")
			for _, request := range s.Requests() {
				assert.True(t, strings.HasPrefix(request, http.MethodGet), request)
			}
		})
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	s := drivetest.New(t)
	file := s.Put("file", []byte("x"), drivetest.RootID)
	trashed := s.Put("folder", nil, drivetest.RootID)
	s.Change(trashed, func(f *drive.File) { f.Trashed = true })
	folder := s.Put("folder", nil, drivetest.RootID)
	for name, tc := range map[string]struct{ more, says string }{
		"no such folder": {"folder_id: absent", "notFound"},
		"a file":         {"folder_id: " + file, "is no folder"},
		"in the trash":   {"folder_id: " + trashed, "is in the trash"},
		"no such drive":  {"shared_drive: absent", "notFound"},
		"another drive":  {"folder_id: " + folder + "\nshared_drive: " + drivetest.DriveID, "is not in the shared drive"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, s, tc.more)
			for _, err := range []error{d.TestConnection(t.Context()), d.TestAccess(t.Context(), ingest.AccessPut, nil)} {
				require.ErrorIs(t, err, ingest.ErrMisconfigured)
				require.ErrorContains(t, err, tc.says)
			}
			assert.NotEmpty(t, finding.Of("", d.TestAccess(t.Context(), ingest.AccessPut, nil)).Mend)
			_, err := d.Stat(t.Context(), named("a"))
			require.ErrorIs(t, err, ingest.ErrMisconfigured, "%v", err)
		})
	}
}

// A folder that somebody shared is in none that the account can see, and is the one
// that is meant by its name.
func TestSharedFolder(t *testing.T) {
	s := drivetest.New(t)
	s.Put("backups", nil, drivetest.RootID)
	shared := s.Put("backups", nil, drivetest.RootID)
	s.Change(shared, func(f *drive.File) { f.Parents = nil })
	store(t, newDrive(t, s, "folder: backups/2026"), "a", []byte("content"))
	assert.Equal(t, []string{shared}, only(t, s, "backups / 2026").Parents)
}
