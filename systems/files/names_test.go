package files

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// hostile are names that must not become files, and why.
var hostile = map[string]string{
	"":                               "it is empty",
	"..":                             "segment ..",
	"../escape":                      "segment ..",
	"a/../../escape":                 "segment ..",
	"a/..":                           "segment ..",
	".":                              "segment .",
	"./a":                            "segment .",
	"a/./b":                          "segment .",
	"/etc/escape":                    "begins with a slash",
	"//escape":                       "begins with a slash",
	"a//b":                           "empty segment",
	"a/":                             "ends with a slash",
	"/":                              "begins with a slash",
	"nul\x00":                        "a NUL",
	"a/\x00/b":                       "a NUL",
	"\xff\xfe":                       "not valid UTF-8",
	strings.Repeat("s", 256):         "256 bytes",
	"a/" + strings.Repeat("ü", 128):  "256 bytes",
	strings.Repeat("k/", 2048) + "k": "4097 bytes",
	".ingest-tmp-x":                  "our own temporary files",
	"a/.ingest-tmp-x":                "our own temporary files",
	".ingest-clean-up-x/a":           "our own temporary files",
}

// TestHostileNames stores, looks at, opens and removes under names that are none,
// in a folder beside which there is something to hit.
func TestHostileNames(t *testing.T) {
	around := t.TempDir()
	dir := filepath.Join(around, "folder")
	require.NoError(t, os.Mkdir(dir, 0o755))
	kept := put(t, around, "escape", "kept")
	for name, reason := range hostile {
		t.Run(strings.ToValidUTF8(name[:min(len(name), 20)], "?"), func(t *testing.T) {
			codec := ingest.NewCodec(name, name, nil)
			dest, source := newDest(t, dir, ""), newScan(t, dir, "")
			refused := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, ErrName)
				require.ErrorIs(t, err, ingest.ErrPermanent)
				assert.ErrorContains(t, err, reason)
			}
			_, err := dest.Store(t.Context(), codec, ingest.Object{Len: 1, Reader: strings.NewReader("x")})
			refused(err)
			_, err = dest.Stat(t.Context(), codec)
			refused(err)
			_, err = source.Download(t.Context(), codec)
			refused(err)
			_, err = source.Stat(t.Context(), codec)
			refused(err)
			refused(source.CleanUp(t.Context(), codec))
			refused(source.CleanUpVersion(t.Context(), codec, &ingest.Object{Len: 4}))
		})
	}
	assert.FileExists(t, kept)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// TestAwkwardNames stores under names that are unusual and no more, and lists them
// byte for byte.
func TestAwkwardNames(t *testing.T) {
	dir := t.TempDir()
	dest, source := newDest(t, dir, ""), newScan(t, dir, "")
	names := []string{
		"with space", " two  spaces ", "ünïcödé/日本語/🙂", "a+b", "a%2Fb%00c", "q?x=1&y=2#z", `quote"back\slash`, "<xml>&amp;",
		"semi;colon,comma:colon", "CON", "tab\there", "new\nline", "...", "..a", "a..", ".hidden", "~", "-rf", "*", "[a]", "{b}",
		strings.Repeat("s", 255), strings.Repeat("d/", 1000) + "deep",
	}
	for _, name := range names {
		_, err := dest.Store(t.Context(), ingest.NewCodec("id", name, nil), ingest.Object{Len: -1, Reader: strings.NewReader(name)})
		require.NoError(t, err, "%q", name)
	}
	assert.ElementsMatch(t, names, list(t, source))
	for _, name := range names {
		obj, err := source.Download(t.Context(), ingest.NewCodec(name, name, nil))
		require.NoError(t, err, "%q", name)
		var content bytes.Buffer
		_, err = content.ReadFrom(obj.Reader)
		require.NoError(t, err)
		assert.Equal(t, name, content.String())
		require.NoError(t, obj.Close())
	}
}

// FuzzNames stores under any name: it is refused, or there is one more file in the
// folder, which is listed under this name.
func FuzzNames(f *testing.F) {
	for name := range hostile {
		f.Add(name)
	}
	f.Add("a/b")
	f.Fuzz(func(t *testing.T, name string) {
		around := t.TempDir()
		dir := filepath.Join(around, "folder")
		require.NoError(t, os.Mkdir(dir, 0o755))
		dest := newDest(t, dir, "")
		_, err := dest.Store(t.Context(), ingest.NewCodec("id", name, nil), ingest.Object{Len: -1, Reader: strings.NewReader("x")})
		found := list(t, newScan(t, dir, ""))
		if err != nil {
			require.ErrorIs(t, err, ingest.ErrPermanent)
			assert.Empty(t, found)
		} else {
			assert.Equal(t, []string{name}, found)
		}
		entries, err := os.ReadDir(around)
		require.NoError(t, err)
		assert.Len(t, entries, 1, "something is beside the folder")
	})
}

// TestSymlinksOutOfTheFolder leads every operation to a folder outside.
func TestSymlinksOutOfTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	kept := put(t, outside, "kept", "kept")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "absolute")))
	relative, err := filepath.Rel(dir, outside)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(relative, filepath.Join(dir, "relative")))
	dest, source := newDest(t, dir, ""), newScan(t, dir, "follow_symlinks: true")
	for _, link := range []string{"absolute", "relative"} {
		for _, name := range []string{link + "/kept", link + "/new", link + "/sub/new"} {
			codec := ingest.NewCodec(name, name, nil)
			_, err := dest.Store(t.Context(), codec, ingest.Object{Len: 1, Reader: strings.NewReader("x")})
			require.ErrorIs(t, err, ingest.ErrPermanent, name)
			_, err = dest.Stat(t.Context(), codec)
			require.ErrorIs(t, err, ingest.ErrPermanent, name)
			_, err = source.Download(t.Context(), codec)
			require.ErrorIs(t, err, ingest.ErrPermanent, name)
			require.ErrorIs(t, source.CleanUpVersion(t.Context(), codec, &ingest.Object{Len: 4}), ingest.ErrPermanent, name)
		}
	}
	content, err := os.ReadFile(kept)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(content))
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// TestSymlinkUnderTheNameIsReplaced keeps what the link leads to as it is.
func TestSymlinkUnderTheNameIsReplaced(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	kept := put(t, outside, "kept", "kept")
	require.NoError(t, os.Symlink(kept, filepath.Join(dir, "name")))
	dest := newDest(t, dir, "")
	held, err := dest.Stat(t.Context(), ingest.NewCodec("id", "name", nil))
	require.NoError(t, err)
	assert.Nil(t, held.MD5, "nothing vouches for a link")
	_, err = dest.Store(t.Context(), ingest.NewCodec("id", "name", nil), ingest.Object{Len: 1, Reader: strings.NewReader("x")})
	require.NoError(t, err)
	content, err := os.ReadFile(kept)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(content))
	info, err := os.Lstat(filepath.Join(dir, "name"))
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular())
}
