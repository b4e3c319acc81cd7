package files

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

func newFromYAML(t *testing.T, kind, yaml string) (any, error) {
	t.Helper()
	system, ok, err := systems.Build(kind, "ingest_files", yaml)
	require.True(t, ok)
	return system, err
}

func element(name string) ingest.Codec { return ingest.NewCodec(name, name, nil) }

// TestChangedWhileItIsRead ends in an error, whichever way it is changed.
func TestChangedWhileItIsRead(t *testing.T) {
	later := time.Now().Add(time.Second)
	for name, change := range map[string]func(path string) error{
		"it grows":   func(path string) error { return appendTo(path, "more") },
		"it shrinks": func(path string) error { return os.Truncate(path, 3) },
		"it is written over": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err = f.WriteString("CONTENT"); err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, later)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, "a", "content")
			obj, err := newScan(t, dir, "").Download(t.Context(), element("a"))
			require.NoError(t, err)
			defer obj.Close()
			var begin [2]byte
			_, err = io.ReadFull(obj.Reader, begin[:])
			require.NoError(t, err)
			require.NoError(t, change(path))
			_, err = io.ReadAll(obj.Reader)
			require.ErrorIs(t, err, ingest.ErrChanged)
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// TestReplacedWhileItIsRead reads what was opened to its end, and finds the newer
// file at the last look.
func TestReplacedWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "a", "content")
	info, err := os.Stat(path)
	require.NoError(t, err)
	h := ingest.NewHandle(newScan(t, dir, ""), element("a"))
	obj, err := h.Open(t.Context())
	require.NoError(t, err)
	defer obj.Close()
	newer := put(t, dir, "newer", "CONTENT")
	require.NoError(t, os.Chtimes(newer, time.Time{}, info.ModTime()))
	require.NoError(t, os.Rename(newer, path))
	content, err := io.ReadAll(obj.Reader)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
	require.ErrorIs(t, h.Unchanged(t.Context()), ingest.ErrChanged, "only its inode is another")
	require.ErrorIs(t, h.CleanUp(t.Context()), ingest.ErrChanged)
	assert.FileExists(t, path)

	without := build[*source](t, "processor", dir, "inodes: false")
	now, err := without.Stat(t.Context(), element("a"))
	require.NoError(t, err)
	obj.ETag = without.version(info)
	assert.True(t, obj.SameVersion(now), "without inodes it looks the same")
}

// TestCleanUpOfALink removes the link only.
func TestCleanUpOfALink(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "folder/a", "a")
	require.NoError(t, os.Symlink("folder/a", filepath.Join(dir, "link")))
	h := ingest.NewHandle(newScan(t, dir, "follow_symlinks: true"), element("link"))
	_, err := h.Stat(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.CleanUp(t.Context()))
	assert.NoFileExists(t, filepath.Join(dir, "link"))
	assert.FileExists(t, filepath.Join(dir, "folder", "a"))
}

func TestTypes(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"a.json":  "application/json",
		"page":    "text/html; charset=utf-8",
		"picture": "image/png",
		"empty":   "text/plain; charset=utf-8",
	} {
		content := map[string]string{"a.json": "{}", "page": "<!DOCTYPE html>", "picture": "\x89PNG\x0D\x0A\x1A\x0A"}[name]
		put(t, dir, name, content)
		obj, err := newScan(t, dir, "").Download(t.Context(), element(name))
		require.NoError(t, err)
		assert.Equal(t, want, obj.MimeType, name)
		read, err := io.ReadAll(obj.Reader)
		require.NoError(t, err)
		assert.Equal(t, content, string(read), "looking at the beginning takes nothing away")
		require.NoError(t, obj.Close())
	}
}

func TestCleanUpRemovesEmptyFolders(t *testing.T) {
	for more, want := range map[string][]string{
		"":                        {"a", "a/b", "a/b/c", "a/kept"},
		"remove_empty_dirs: true": {"a", "a/kept"},
	} {
		dir := t.TempDir()
		put(t, dir, "a/b/c/file", "x")
		put(t, dir, "a/kept/file", "x")
		h := ingest.NewHandle(build[*source](t, "processor", dir, more), element("a/b/c/file"))
		_, err := h.Stat(t.Context())
		require.NoError(t, err)
		require.NoError(t, h.CleanUp(t.Context()))
		var folders []string
		require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if rel, _ := filepath.Rel(dir, path); err == nil && d.IsDir() && rel != "." {
				folders = append(folders, rel)
			}
			return err
		}))
		assert.Equal(t, want, folders)
	}
}

// TestCleanUpThatComesTooLate puts back what it moved aside, unless there is a
// newer file, of which it then says where the other is.
func TestCleanUpThatComesTooLate(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "in/a", "newer")
	s := newScan(t, dir, "")
	root, err := s.open(t.Context())
	require.NoError(t, err)
	defer root.Close()
	copied := &ingest.Object{Len: 5, ETag: "the version that was copied"}
	require.ErrorIs(t, s.removeAside(t.Context(), root, "in/a", copied), ingest.ErrChanged)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "newer", string(content))
	entries, err := os.ReadDir(filepath.Join(dir, "in"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing of ours is left")

	aside := put(t, dir, "in/"+asidePrefix+"X/a", "moved aside")
	require.ErrorContains(t, putBack(root, "in/"+asidePrefix+"X/a", "in/a"), "a newer file of its name")
	assert.FileExists(t, aside)
}

// TestInterruptedCleanUp finds what was moved aside by a process that is no more.
func TestInterruptedCleanUp(t *testing.T) {
	dir := t.TempDir()
	aside := filepath.Dir(put(t, dir, "in/"+asidePrefix+"X/a", "moved aside"))
	s := newScan(t, dir, "")
	assert.Empty(t, list(t, s), "it may be in progress")
	assert.DirExists(t, aside)

	past := time.Now().Add(-2 * interrupted)
	require.NoError(t, os.Chtimes(aside, past, past))
	require.Eventually(t, func() bool { return len(list(t, s)) == 1 }, 5*time.Second, time.Millisecond)
	content, err := os.ReadFile(filepath.Join(dir, "in", "a"))
	require.NoError(t, err)
	assert.Equal(t, "moved aside", string(content))
	assert.NoDirExists(t, aside)

	put(t, dir, "in/"+asidePrefix+"X/a", "older")
	require.NoError(t, os.Chtimes(aside, past, past))
	ids, leftOut := listAll(t, s)
	assert.Equal(t, []string{"in/a"}, ids)
	require.Len(t, leftOut, 1)
	assert.ErrorContains(t, leftOut[0], "a newer file of its name")
	assert.FileExists(t, filepath.Join(aside, "a"))
}
