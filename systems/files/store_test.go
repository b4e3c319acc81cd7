package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func text(content string) ingest.Object {
	return ingest.Object{Len: int64(len(content)), Reader: strings.NewReader(content)}
}

// hidden returns the hidden files of ours beneath a folder.
func hidden(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && isOurs(d.Name()) {
			names = append(names, path)
		}
		return err
	}))
	return names
}

// TestTimeAndModeGoAlong copies a file through a store that keeps metadata, and
// from one that has times alone.
func TestTimeAndModeGoAlong(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	at := time.Date(2020, 2, 3, 4, 5, 6, 789012345, time.UTC)
	path := put(t, from, "script", "#!/bin/sh\n")
	require.NoError(t, os.Chmod(path, 0o750))
	require.NoError(t, os.Chtimes(path, at, at))
	dest := newDest(t, dir, "")
	store := func(name string, obj ingest.Object) os.FileInfo {
		t.Helper()
		_, err := dest.Store(t.Context(), element(name), obj)
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		return info
	}
	obj, err := newScan(t, from, "").Download(t.Context(), element("script"))
	require.NoError(t, err)
	defer obj.Close()
	through := ingest.Object{Len: obj.Len, Reader: obj.Reader, Metadata: obj.Metadata, ModTime: time.Now()}
	info := store("through a bucket", through)
	assert.Equal(t, os.FileMode(0o750), info.Mode().Perm())
	assert.True(t, info.ModTime().Equal(at), "%s", info.ModTime())

	other := text("x")
	other.ModTime = at
	other.Metadata = map[string]string{metaMode: "33188", metaMTime: "yesterday"}
	info = store("from a bucket", other)
	assert.True(t, info.ModTime().Equal(at), "%s", info.ModTime())
	assert.Equal(t, store("plain", text("x")).Mode(), info.Mode(), "other programs write decimals")

	setuid := text("x")
	setuid.Metadata = map[string]string{metaMode: "06755"}
	info = store("setuid", setuid)
	assert.Equal(t, os.FileMode(0o755), info.Mode(), "permissions only")
}

func TestModesOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	dest := newDest(t, dir, "file_mode: '0604'\nfolder_mode: '0705'")
	obj := text("x")
	obj.Metadata = map[string]string{metaMode: "0777"}
	_, err := dest.Store(t.Context(), element("a/b/c"), obj)
	require.NoError(t, err)
	for name, want := range map[string]os.FileMode{"a": 0o705, "a/b": 0o705, "a/b/c": 0o604} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), name)
	}
	for _, more := range []string{"file_mode: rw", "folder_mode: '0999'", "file_mode: '1777'"} {
		_, err := newFromYAML(t, "output", "path: /x\n"+more)
		assert.ErrorContains(t, err, "octal digits such as 0640 were expected")
	}
}

// TestRecords tells what is up to date without reading it, as long as nobody has
// touched it.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	dest := newDest(t, dir, "")
	obj := text("content")
	obj.ETag = "version 1"
	_, err := dest.Store(t.Context(), element("a"), obj)
	require.NoError(t, err)
	held, err := dest.Stat(t.Context(), element("a"))
	require.NoError(t, err)
	assert.Equal(t, obj.Version(), held.SourceVersion)
	recorded := held.MD5

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("CONTENT"), 0o644))
	held, err = dest.Stat(t.Context(), element("a"))
	require.NoError(t, err)
	assert.Empty(t, held.SourceVersion, "it is a copy no more")
	assert.NotEqual(t, recorded, held.MD5)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "b"), []byte("content"), 0o644))
	held, err = dest.Stat(t.Context(), element("b"))
	require.NoError(t, err)
	assert.Equal(t, recorded, held.MD5, "what something else put there is read")
}

func TestParseRecord(t *testing.T) {
	path := put(t, t.TempDir(), "a", "content")
	info, err := os.Stat(path)
	require.NoError(t, err)
	sum := []byte("0123456789abcdef")
	sound := record{sum, "version"}.format(info)
	r, ok := parseRecord(sound, info)
	assert.True(t, ok)
	assert.Equal(t, record{sum, "version"}, r)
	for _, bad := range []string{"", "x", sound + " x", strings.ToUpper(sound[:1]) + "9" + sound[1:], strings.Replace(sound, "30", "zz", 1), stamp(info) + " 00 v"} {
		_, ok := parseRecord(bad, info)
		assert.False(t, ok, bad)
	}
}

// TestCreateOnly has many workers store one name that is to be written once.
func TestCreateOnly(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []string
	for i := range 20 {
		dest := newDest(t, dir, "overwrite: never")
		wg.Go(func() {
			content := fmt.Sprint("of worker ", i)
			if _, err := dest.Store(t.Context(), element("one"), text(content)); err == nil {
				mu.Lock()
				defer mu.Unlock()
				winners = append(winners, content)
			}
		})
	}
	wg.Wait()
	require.Len(t, winners, 1)
	content, err := os.ReadFile(filepath.Join(dir, "one"))
	require.NoError(t, err)
	assert.Equal(t, winners[0], string(content))
	assert.Empty(t, hidden(t, dir))
}

// What is in the way of a file cannot be mended by another attempt.
func TestInTheWay(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "x")
	put(t, dir, "folder/file", "x")
	dest := newDest(t, dir, "")
	for _, name := range []string{"file/beneath", "file/far/beneath", "folder"} {
		_, err := dest.Store(t.Context(), element(name), text("y"))
		require.ErrorIs(t, err, ingest.ErrPermanent, name)
		_, err = dest.Stat(t.Context(), element(name))
		require.ErrorIs(t, err, ingest.ErrNotFound, name)
	}
	assert.Empty(t, hidden(t, dir))
}

// TestErrorsOfTheSourceKeepTheirKind does not take them for the file system's.
func TestErrorsOfTheSourceKeepTheirKind(t *testing.T) {
	dir := t.TempDir()
	reader := iotest.ErrReader(ingest.Outage(errors.New("the source is away")))
	_, err := newDest(t, dir, "").Store(t.Context(), element("a"), ingest.Object{Len: 1, Reader: reader})
	require.Equal(t, ingest.KindOutage, ingest.KindOf(err))
	_, err = newDest(t, dir, "").Store(t.Context(), element("a"), ingest.Object{Len: 1, Reader: iotest.ErrReader(os.ErrPermission)})
	require.Equal(t, ingest.KindTransient, ingest.KindOf(err))
	assert.Empty(t, hidden(t, dir))
}

// TestStaleFilesAreRemoved leaves alone what is being written, also by others.
func TestStaleFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	stale := []string{put(t, dir, tempPrefix+"A", "half"), put(t, dir, "in/deep/"+tempPrefix+"B", "half")}
	others := put(t, dir, "in/"+tempPrefix+"C", "half")
	kept := put(t, dir, "in/ingest-tmp-D", "somebody's")
	held, err := os.OpenFile(others, os.O_RDWR, 0)
	require.NoError(t, err)
	defer held.Close()
	locked, err := lock(held)
	require.NoError(t, err)
	require.True(t, locked)

	r, w := io.Pipe()
	stored := make(chan error, 1)
	dest := newDest(t, dir, "")
	go func() {
		_, err := dest.Store(t.Context(), element("in/slow"), ingest.Object{Len: -1, Reader: r})
		stored <- err
	}()
	_, err = w.Write([]byte("begun"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(hidden(t, dir)) == 2 }, 10*time.Second, 10*time.Millisecond, "%v", stale)
	newDest(t, dir, "").removeStale()
	assert.Len(t, hidden(t, dir), 2)
	assert.FileExists(t, others)
	assert.FileExists(t, kept)
	require.NoError(t, w.Close())
	require.NoError(t, <-stored)
	assert.FileExists(t, filepath.Join(dir, "in", "slow"))
}
