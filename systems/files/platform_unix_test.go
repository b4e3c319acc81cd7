//go:build linux || darwin

package files

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ingest-bundle/ingest"
)

// What is no file is no element, and opening it waits for nobody.
func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "folder/a", "a")
	require.NoError(t, os.Symlink("folder", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("folder/a", filepath.Join(dir, "link to a")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	s := newScan(t, dir, "")
	assert.Equal(t, []string{"folder/a"}, list(t, s))
	for _, name := range []string{"folder", "link", "link to a", "link/a", "pipe", "folder/a/b"} {
		_, err := s.Download(t.Context(), element(name))
		require.ErrorIs(t, err, ingest.ErrNotFound, name)
		require.NoError(t, s.CleanUp(t.Context(), element(name)), name)
	}
	_, err := newScan(t, dir, "follow_symlinks: true").Download(t.Context(), element("link/a"))
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(dir, "link to a"))
	assert.FileExists(t, filepath.Join(dir, "link", "a"))
}

// TestFileTooLarge has a write fail in the middle: nothing is left of it.
func TestFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a", "older")
	dest := newDest(t, dir, "")
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
	limited := before
	limited.Cur = 64 << 10
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limited))
	_, err := dest.Store(t.Context(), element("a"), text(string(make([]byte, 100<<10))))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &before))
	require.ErrorIs(t, err, syscall.EFBIG)
	require.ErrorIs(t, err, ingest.ErrPermanent)
	content, err := os.ReadFile(dir + "/a")
	require.NoError(t, err)
	assert.Equal(t, "older", string(content))
	assert.Empty(t, hidden(t, dir))
}

// TestKinds classifies errors of every kind. Most need a disk of their own to
// happen.
func TestKinds(t *testing.T) {
	b := newDest(t, t.TempDir(), "").base
	for err, kinds := range map[error][2]ingest.Kind{ // when reading and when writing
		syscall.ENOSPC:       {ingest.KindOutage, ingest.KindOutage},
		syscall.EDQUOT:       {ingest.KindOutage, ingest.KindOutage},
		syscall.EMFILE:       {ingest.KindOutage, ingest.KindOutage},
		syscall.ESTALE:       {ingest.KindOutage, ingest.KindOutage},
		syscall.EROFS:        {ingest.KindTransient, ingest.KindOutage},
		syscall.EACCES:       {ingest.KindTransient, ingest.KindOutage},
		syscall.EPERM:        {ingest.KindTransient, ingest.KindOutage},
		syscall.ENAMETOOLONG: {ingest.KindTransient, ingest.KindPermanent},
		syscall.EFBIG:        {ingest.KindTransient, ingest.KindPermanent},
		syscall.EIO:          {ingest.KindTransient, ingest.KindTransient},
	} {
		wrapped := &os.PathError{Op: "openat", Path: "a", Err: err}
		assert.Equal(t, kinds[0], ingest.KindOf(b.failed(t.Context(), accessRead, "reading", "a", wrapped)), "%v", err)
		assert.Equal(t, kinds[1], ingest.KindOf(b.failed(t.Context(), accessWrite, "writing", "a", wrapped)), "%v", err)
	}
	b.path += "-gone"
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(b.failed(t.Context(), accessRead, "reading", "a", syscall.EIO)))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	_, err = full.WriteString("x")
	require.ErrorIs(t, b.failed(t.Context(), accessWrite, "writing", "a", err), ingest.ErrOutage)
}
