package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tempDir is a folder that only its owner may write to, without links in its path.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func write(t *testing.T, mode os.FileMode, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	// The umask does not apply to chmod.
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestFind(t *testing.T) {
	first, second, third := tempDir(t), tempDir(t), filepath.Join(tempDir(t), "missing")
	one := write(t, 0o755, first, "one")
	write(t, 0o755, second, "one")
	two := write(t, 0o700, second, "two")
	write(t, 0o644, first, "text")
	write(t, 0o755, second, "text")
	write(t, 0o757, first, "open")
	require.NoError(t, os.Mkdir(filepath.Join(first, "folder"), 0o755))
	within := write(t, 0o755, first, "versions", "v1")
	require.NoError(t, os.Symlink(within, filepath.Join(first, "current")))
	require.NoError(t, os.Symlink(two, filepath.Join(first, "out")))
	everybodys := filepath.Join(tempDir(t), "everybodys")
	write(t, 0o755, everybodys, "p")
	require.NoError(t, os.Chmod(everybodys, 0o777|os.ModeSticky))
	folders := []string{third, first, second}

	for name, want := range map[string]string{"one": one, "two": two, "current": within} {
		got, err := find(folders, name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for name, want := range map[string]string{
		"three":        "is in none of the plugin folders",
		"text":         "is not executable",
		"open":         "everybody may write to",
		"folder":       "is no regular file",
		"out":          "which is not in that folder",
		"":             "a name of letters",
		"..":           "a name of letters",
		"versions/v1":  "a name of letters",
		"../x":         "a name of letters",
		"a\x00":        "a name of letters",
		"versions\\v1": "a name of letters",
		"--version":    "a name of letters",
	} {
		_, err := find(folders, name)
		require.ErrorContains(t, err, want, "%q", name)
	}
	_, err := find([]string{everybodys}, "p")
	require.ErrorContains(t, err, "everybody may write to "+everybodys)
	_, err = find(nil, "p")
	require.ErrorContains(t, err, FoldersEnv)

	_, err = executable(filepath.Join(everybodys, "p"))
	require.ErrorContains(t, err, "everybody may write to", "a path is no way around")
}

// A folder that everybody may write to makes what is found through it anybody's,
// however well its own folder is kept.
func TestFindThroughFoldersOfEverybody(t *testing.T) {
	for name, tc := range map[string]struct {
		// folder is that of the plugins, open what everybody may write to.
		folder, open string
		sticky       os.FileMode
		refused      bool
	}{
		"plugin folder":              {"a/plugins", "a/plugins", 0, true},
		"plugin folder, sticky":      {"a/plugins", "a/plugins", os.ModeSticky, true},
		"folder in between, sticky":  {"a", "a/plugins", os.ModeSticky, true},
		"folder above":               {"a/plugins", "a", 0, true},
		"folder above, sticky":       {"a/plugins", "a", os.ModeSticky, false},
		"folder further up, sticky":  {"a/plugins/versions", "a", os.ModeSticky, false},
		"folder further up, and not": {"a/plugins/versions", "a", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			root := tempDir(t)
			path := write(t, 0o755, root, "a", "plugins", "versions", "p")
			folder := filepath.Join(root, tc.folder)
			link := filepath.Join(folder, "linked")
			require.NoError(t, os.Symlink(path, link))
			open := filepath.Join(root, tc.open)
			require.NoError(t, os.Chmod(open, 0o777|tc.sticky))
			got, err := find([]string{folder}, "linked")
			if tc.refused {
				require.ErrorContains(t, err, "everybody may write to "+open)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, path, got)
		})
	}
}

// What was found is looked at again whenever it is started.
func TestReplacedPluginIsNotStarted(t *testing.T) {
	path := write(t, 0o755, tempDir(t), "p")
	start := func() error {
		_, err := newProcess(path, "p", service.MockResources(), &takenNames{names: map[string]string{}}).start()
		return err
	}
	require.NoError(t, os.Chmod(path, 0o757))
	require.ErrorContains(t, start(), "everybody may write to "+path)
	elsewhere := write(t, 0o755, tempDir(t), "q")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(elsewhere, path))
	require.ErrorContains(t, start(), "is not what it was")
}

func TestFolders(t *testing.T) {
	first, second := tempDir(t), tempDir(t)
	path := write(t, 0o755, second, "p")
	t.Setenv(FoldersEnv, first+string(filepath.ListSeparator)+second)
	h := New()
	got, err := h.locate(Plugin{Name: "p"})
	require.NoError(t, err)
	assert.Equal(t, path, got)
	h.SetFolders(first)
	_, err = h.locate(Plugin{Name: "p"})
	require.ErrorContains(t, err, "is in none of the plugin folders")
	for _, p := range []Plugin{{}, {Name: "p", Path: path}} {
		_, err = h.locate(p)
		require.ErrorContains(t, err, "one of them only")
	}
}
