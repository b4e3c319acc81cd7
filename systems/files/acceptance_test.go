package files

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
	"github.com/ingest-bundle/ingest/systems/systemstest"
)

// put writes a file, with the folders for it.
func put(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

func build[T any](t *testing.T, kind, dir, more string) T {
	t.Helper()
	system, ok, err := systems.Build(kind, "ingest_files", "path: "+dir+"\n"+more)
	require.NoError(t, err)
	require.True(t, ok)
	return system.(T)
}

// newScan returns the source of an input that takes files at once.
func newScan(t *testing.T, dir, more string) *source {
	t.Helper()
	return build[*source](t, "input", dir, "settle: 0s\n"+more)
}

func newDest(t *testing.T, dir, more string) *destination {
	t.Helper()
	return build[*destination](t, "output", dir, more)
}

func TestSourceAcceptance(t *testing.T) {
	for name, more := range map[string]string{
		"plain":    "",
		"symlinks": "follow_symlinks: true",
		"empty":    "remove_empty_dirs: true",
	} {
		t.Run(name, func(t *testing.T) {
			systemstest.TestSource(t,
				func(t *testing.T, objects map[string][]byte) ingest.Source {
					dir := t.TempDir()
					for name, content := range objects {
						put(t, dir, name, string(content))
					}
					return newScan(t, dir, more)
				},
				systemstest.WithChange(func(t *testing.T, s ingest.Source, id string, content []byte) {
					path := filepath.Join(s.(*source).path, id)
					require.NoError(t, os.WriteFile(path+".new", content, 0o644))
					require.NoError(t, os.Rename(path+".new", path))
				}),
			)
		})
	}
}

func TestDestinationAcceptance(t *testing.T) {
	for name, more := range map[string]string{
		"plain":  "",
		"prefix": "prefix: copies/of-",
		"modes":  "file_mode: '0600'\nfolder_mode: '0700'",
		"never":  "overwrite: always",
	} {
		t.Run(name, func(t *testing.T) {
			systemstest.TestDestination(t,
				func(t *testing.T) ingest.Destination { return newDest(t, t.TempDir(), more) },
				systemstest.WithCarried(func(t *testing.T, dest ingest.Destination, codec ingest.Codec, obj ingest.Object) {
					d := dest.(*destination)
					info, err := os.Stat(filepath.Join(d.path, d.prefix+codec.Name))
					require.NoError(t, err)
					assert.True(t, info.ModTime().Equal(obj.ModTime), "%s and %s", info.ModTime(), obj.ModTime)
				}),
			)
		})
	}
}
