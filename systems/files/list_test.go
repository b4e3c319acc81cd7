package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// listAll returns what a scan shows, and what it leaves out with an error.
func listAll(t *testing.T, s *source) (ids []string, leftOut []error) {
	t.Helper()
	require.NoError(t, s.Reset(t.Context()))
	for {
		codec, obj, err := s.NextObject(t.Context())
		switch {
		case errors.Is(err, io.EOF):
			return ids, leftOut
		case errors.Is(err, ingest.ErrLeftOut):
			leftOut = append(leftOut, err)
			continue
		}
		require.NoError(t, err)
		require.NotNil(t, obj)
		ids = append(ids, codec.ID)
	}
}

func list(t *testing.T, s *source) []string {
	t.Helper()
	ids, leftOut := listAll(t, s)
	require.Empty(t, leftOut)
	return ids
}

func TestListing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.csv", "b.tmp", ".hidden", "in/c.csv", "in/deep/d.csv", "in/deep/e.txt", "lost+found/f.csv",
		".ingest-tmp-XYZ", "in/.ingest-tmp-XYZ", ".ingest-clean-up-XYZ/g.csv",
	} {
		put(t, dir, name, name)
	}
	require.NoError(t, os.Symlink("in", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "dangling")))
	require.NoError(t, os.Symlink("../..", filepath.Join(dir, "in", "deep", "loop")))
	plain := []string{"a.csv", "b.tmp", ".hidden", "in/c.csv", "in/deep/d.csv", "in/deep/e.txt", "lost+found/f.csv"}
	for more, want := range map[string][]string{
		"":                                         plain,
		"recursive: false":                         {"a.csv", "b.tmp", ".hidden"},
		"include: [ '*.csv' ]":                     {"a.csv"},
		"include: [ '**/*.csv' ]":                  {"a.csv", "in/c.csv", "in/deep/d.csv", "lost+found/f.csv"},
		"include: [ 'in/**/*.{csv,txt}' ]":         {"in/c.csv", "in/deep/d.csv", "in/deep/e.txt"},
		"exclude: [ lost+found, '**/deep' ]":       {"a.csv", "b.tmp", ".hidden", "in/c.csv"},
		"exclude: [ '**/*.tmp', 'in/**' ]":         {"a.csv", ".hidden", "lost+found/f.csv"},
		"{ include: ['**/*.csv'], exclude: [a*] }": {"in/c.csv", "in/deep/d.csv", "lost+found/f.csv"},
		"follow_symlinks: true":                    append([]string{"link/c.csv", "link/deep/d.csv", "link/deep/e.txt"}, plain...),
	} {
		t.Run(more, func(t *testing.T) {
			if more != "" && more[0] == '{' {
				more = "include: ['**/*.csv']\nexclude: [a*]"
			}
			assert.ElementsMatch(t, want, list(t, newScan(t, dir, more)))
		})
	}
}

func TestPatternsAreChecked(t *testing.T) {
	for field := range map[string]bool{fieldInclude: true, fieldExclude: true} {
		_, err := newFromYAML(t, "input", fmt.Sprintf("path: /x\n%s: [ 'a[' ]", field))
		assert.ErrorContains(t, err, "field "+field+`: "a[" is no pattern`)
	}
}

// TestLinkOutOfTheFolderIsLeftOut names the link, and goes on with the rest.
func TestLinkOutOfTheFolderIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a", "a")
	put(t, dir, "z", "z")
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(dir, "out")))
	ids, leftOut := listAll(t, newScan(t, dir, "follow_symlinks: true"))
	assert.ElementsMatch(t, []string{"a", "z"}, ids)
	require.Len(t, leftOut, 1)
	assert.ErrorContains(t, leftOut[0], `"out"`)
	assert.ElementsMatch(t, []string{"a", "z"}, list(t, newScan(t, dir, "")), "it is left alone unless links are followed")
}

// TestSettle leaves what may still be being written for a later scan, whatever
// modification time a program gave it.
func TestSettle(t *testing.T) {
	dir := t.TempDir()
	old := put(t, dir, "set back", "x")
	require.NoError(t, os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)))
	put(t, dir, "new", "x")
	s := build[*source](t, "input", dir, "settle: 1s\ninterval: 1s")
	assert.Empty(t, list(t, s))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.ElementsMatch(c, []string{"set back", "new"}, list(t, s))
	}, 10*time.Second, 50*time.Millisecond)

	put(t, dir, "new", "longer")
	assert.Equal(t, []string{"set back"}, list(t, s), "its size changed since")

	ids, leftOut := listAll(t, build[*source](t, "input", dir, "settle: 1h"))
	assert.Empty(t, ids)
	require.Len(t, leftOut, 2, "no scan comes after one that runs once")
	assert.ErrorContains(t, leftOut[0], "may still be being written")
}

// TestSettleOfAFutureTime does not wait for the clock of whoever wrote the file.
func TestSettleOfAFutureTime(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "future", "x")
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(24*time.Hour)))
	s := build[*source](t, "input", dir, "settle: 500ms\ninterval: 1s")
	require.Eventually(t, func() bool { return len(list(t, s)) == 1 }, 10*time.Second, 50*time.Millisecond)
}

// TestListingOfManyFilesIsFlat lists a folder of many files in little memory.
func TestListingOfManyFilesIsFlat(t *testing.T) {
	dir := t.TempDir()
	const n = 50_000
	first := put(t, dir, "0", "")
	for i := 1; i < n; i++ {
		require.NoError(t, os.Symlink("0", filepath.Join(dir, fmt.Sprint(i))))
	}
	_ = first
	s := newScan(t, dir, "follow_symlinks: true")
	require.NoError(t, s.Reset(t.Context()))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := heap(), uint64(0)
	for i := 0; ; i++ {
		_, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			require.Equal(t, n, i)
			break
		}
		require.NoError(t, err)
		if i%10_000 == 5_000 {
			most = max(most, heap())
		}
	}
	assert.Less(t, most, before+2<<20)
}

// TestFolderThatIsNotThere is a matter of the configuration, and no empty folder.
func TestFolderThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	file := put(t, dir, "file", "x")
	for _, path := range []string{filepath.Join(dir, "none"), file} {
		s, d := newScan(t, path, ""), newDest(t, path, "")
		_, statErr := d.Stat(t.Context(), ingest.NewCodec("a", "a", nil))
		_, openErr := s.Download(t.Context(), ingest.NewCodec("a", "a", nil))
		for _, err := range []error{s.Reset(t.Context()), s.TestConnection(t.Context()), d.TestConnection(t.Context()), statErr, openErr} {
			require.ErrorIs(t, err, ingest.ErrMisconfigured)
			require.NotErrorIs(t, err, ingest.ErrNotFound)
			assert.ErrorContains(t, err, "field path: ")
		}
	}
}
