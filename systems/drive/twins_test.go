package drive

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
)

// Workers of one process that store into folders that are not there make each once,
// also where they belong to different pipelines.
func TestFoldersAreMadeOnce(t *testing.T) {
	s := drivetest.New(t)
	outputs := []*destination{newDrive(t, s, "folder: backups/2026"), newDrive(t, s, "folder: backups/2026")}
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 40 {
		group.Go(func() error {
			content := fmt.Appendf(nil, "content %d", i)
			_, err := outputs[i%2].Store(ctx, named(fmt.Sprintf("day %d/hour/%d", i%3, i)), object(content))
			return err
		})
	}
	require.NoError(t, group.Wait())
	files := s.Files()
	for path, twins := range files {
		assert.Len(t, twins, 1, path)
	}
	assert.Len(t, files, 2+3+3+40)
	for i := range 40 {
		assert.Equal(t, fmt.Sprintf("content %d", i), string(only(t, s, fmt.Sprintf("backups / 2026 / day %d / hour / %d", i%3, i)).Content))
	}
}

// Workers of one process that store the same name at once make one file.
func TestFilesAreMadeOnce(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	for _, size := range []int{10, len(large)} {
		name := fmt.Sprint("a", size)
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				for try := 0; ; try++ {
					_, err := d.Store(t.Context(), named(name), object(large[:size]))
					if err == nil || try == 3 {
						return err
					}
				}
			})
		}
		require.NoError(t, group.Wait())
		assert.Equal(t, large[:size], only(t, s, name).Content)
	}
}

// Two processes can make twins; then all take the older one.
func TestTwinFolders(t *testing.T) {
	s := drivetest.New(t)
	older := s.Put("backups", nil, drivetest.RootID)
	s.Put("backups", nil, drivetest.RootID)
	for range 3 {
		store(t, newDrive(t, s, "folder: backups"), "a", []byte("content"))
	}
	assert.Equal(t, []string{older}, only(t, s, "backups / a").Parents)
}

// A twin that somebody made stays as it is, and no further ones are made.
func TestTwinFiles(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	first := s.Put("a", []byte("first"), drivetest.RootID)
	s.Put("a", []byte("second"), drivetest.RootID)
	s.Put("A", []byte("another name"), drivetest.RootID)
	for _, content := range []string{"one", "two", "three"} {
		stored := store(t, d, "a", []byte(content))
		held, err := d.Stat(t.Context(), named("a"))
		require.NoError(t, err)
		assert.Equal(t, stored.URI, held.URI)
		assert.Equal(t, stored.MD5, held.MD5)
	}
	twins := s.Files()["a"]
	require.Len(t, twins, 2)
	assert.Equal(t, first, twins[0].Id)
	assert.Equal(t, "three", string(twins[0].Content))
	assert.Equal(t, "second", string(twins[1].Content))
	assert.Equal(t, "another name", string(only(t, s, "A").Content))
}

// What has no content, such as a folder or a Google document, is no object.
func TestOtherKindsOfTheSameName(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	s.Put("a", nil, drivetest.RootID)
	document := s.Put("a", nil, drivetest.RootID)
	s.Change(document, func(f *drive.File) { f.MimeType = "application/vnd.google-apps.document" })
	trashed := s.Put("a", []byte("thrown away"), drivetest.RootID)
	s.Change(trashed, func(f *drive.File) { f.Trashed = true })
	_, err := d.Stat(t.Context(), named("a"))
	require.ErrorIs(t, err, ingest.ErrNotFound)
	store(t, d, "a", []byte("content"))
	store(t, d, "a", []byte("newer content"))
	twins := s.Files()["a"]
	require.Len(t, twins, 3)
	assert.Equal(t, "newer content", string(twins[2].Content))
}

// The request of an attempt that was given up can arrive late, after the next attempt
// found nothing: both have the same ID.
func TestCreationThatArrivesLate(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	ctx, giveUp := context.WithCancel(t.Context())
	late := make(chan *http.Request, 1)
	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		if !isUpload(r) {
			return false
		}
		late <- keepRequest(t, r)
		s.Fault(nil)
		giveUp()
		<-r.Context().Done()
		return true
	})
	_, err := d.Store(ctx, named("a"), object([]byte("content")))
	require.Error(t, err)
	first := <-late

	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) {
			s.Fault(nil)
			serve(s, first)
		}
		return false
	})
	store(t, d, "a", []byte("content"))
	only(t, s, "a")
}

func TestHostileNames(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, `folder: "o'brien's \\ folder"`)
	names := []string{
		`'`, `\`, `\'`, `' or name != '`, `a' and trashed = true and name = 'a`, `"`, "new\nline", "tab\t", "ünï ☃", "e\u0301", "é",
		" leading and trailing ", ".", "..", "CASE", "case", "percent%20", "a?b=c&d#e", `{"json":1}`,
	}
	for i, name := range names {
		store(t, d, name, fmt.Appendf(nil, "content %d", i))
	}
	for i, name := range names {
		assert.Equal(t, fmt.Sprintf("content %d", i), string(only(t, s, `o'brien's \ folder / `+name).Content), name)
		_, err := d.Stat(t.Context(), named(name))
		require.NoError(t, err, name)
	}
	before := len(s.Requests())
	for _, name := range []string{"", "/a", "a/", "a//b", "a\x00b", "\xff"} {
		_, err := d.Store(t.Context(), named(name), object([]byte("content")))
		require.ErrorIs(t, err, ErrName, "%q", name)
		assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), "%q", name)
		_, err = d.Stat(t.Context(), named(name))
		require.ErrorIs(t, err, ErrName, "%q", name)
	}
	assert.Len(t, s.Requests(), before, "what cannot be stored is not asked for")
}

func TestSlashesInNames(t *testing.T) {
	s := drivetest.New(t)
	store(t, newDrive(t, s, ""), "a/b/c", []byte("content"))
	only(t, s, "a / b / c")
	store(t, newDrive(t, s, "sub_folders: false"), "a/b/c", []byte("content"))
	only(t, s, "a/b/c")
	assert.Len(t, s.Files(), 4)
}
