package drive

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
	"github.com/ingest-bundle/ingest/systems/systemstest"
)

func TestDestinationAcceptance(t *testing.T) {
	for name, more := range map[string]string{
		"My Drive":           "",
		"path":               "folder: backups/2026",
		"shared drive":       "shared_drive: " + drivetest.DriveID,
		"folder of a drive":  "folder_id: " + drivetest.DriveID + "\nfolder: it's\\here",
		"no sub-folders":     "sub_folders: false",
		"slashes around it":  "folder: /backups/",
		"a chunk of its own": "chunk_size: 16777216",
	} {
		t.Run(name, func(t *testing.T) {
			systemstest.TestDestination(t,
				func(t *testing.T) ingest.Destination { return newDrive(t, drivetest.New(t), more) },
				systemstest.WithCarried(carried),
			)
		})
	}
}

func carried(t *testing.T, dest ingest.Destination, codec ingest.Codec, obj ingest.Object) {
	d := dest.(*destination)
	parent, err := d.lookUp(t.Context(), d.folder)
	require.NoError(t, err)
	held, err := d.file(t.Context(), parent, codec.Name)
	require.NoError(t, err)
	f, err := d.api.Files.Get(held.Id).SupportsAllDrives(true).Fields("mimeType,modifiedTime,properties").Do()
	require.NoError(t, err)
	assert.Equal(t, obj.MimeType, f.MimeType)
	assert.Equal(t, "2020-02-03T04:05:06Z", f.ModifiedTime)
	assert.Equal(t, obj.Metadata, f.Properties)
}

// The tests rely on the server being as strict as Drive.
func TestTheFakeIsStrict(t *testing.T) {
	s := drivetest.New(t)
	s.Put("a", []byte("x"), drivetest.DriveID)
	d := newDrive(t, s, "")
	_, err := d.api.Files.Get(drivetest.DriveID).Do()
	require.True(t, hasStatus(err, http.StatusNotFound), "%v", err)
	list, err := d.api.Files.List().Q("name = 'a'").Fields("nextPageToken,incompleteSearch", "files(id)").SupportsAllDrives(true).Do()
	require.NoError(t, err)
	assert.Empty(t, list.Files, "who does not ask for shared drives sees nothing of them")
	_, err = d.api.Files.List().Q("name = 'a").Do()
	require.True(t, hasStatus(err, http.StatusBadRequest), "%v", err)
}
