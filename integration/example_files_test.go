package integration

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filesIn returns the names of the files beneath a folder, from which others may be
// removed meanwhile.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		return err
	}))
	return names
}

// writeFile makes a file of an object's content.
func writeFile(t *testing.T, dir string, o object) {
	t.Helper()
	path := filepath.Join(dir, o.key)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.ReadFrom(o.reader())
	require.NoError(t, err)
}

// requireFile compares a file with an object's content.
func requireFile(t *testing.T, dir string, o object) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, o.key))
	require.NoError(t, err)
	defer f.Close()
	requireSameContent(t, o, f)
}

func exampleFilesToS3(s *stage) {
	dir := s.t.TempDir()
	s.env["SRC_PATH"], s.env["SETTLE"] = dir, "1s"
	objects := append(small(10, "folder/o"), object{key: "larger ünï", size: 6 << 20})
	for _, o := range objects {
		writeFile(s.t, dir, o)
	}
	writeFile(s.t, dir, object{key: "folder/unfinished.tmp", size: 10})
	p := s.follow("files-to-s3/enqueue.yaml")
	require.Eventually(s.t, func() bool { return len(filesIn(s.t, dir)) == 1 }, time.Minute, tick)
	assert.Len(s.t, s.dest.keys(s.to), len(objects))
	for _, o := range objects {
		body, _, _, err := s.dest.GetObject(s.t.Context(), s.to, o.key, getOptions)
		require.NoError(s.t, err)
		requireSameContent(s.t, o, body)
		require.NoError(s.t, body.Close())
	}
	stopped(s.t, p)
	assert.Equal(s.t, []string{"folder/unfinished.tmp"}, filesIn(s.t, dir))
}

func exampleS3ToFiles(s *stage) {
	dir := s.t.TempDir()
	s.env["DST_PATH"] = dir
	objects := s.putSome()
	p := s.follow("s3-to-files/enqueue.yaml")
	require.Eventually(s.t, func() bool { return p.metric("ingest_storage_objects_total", `result="stored"`) == len(objects) }, time.Minute, tick)
	for _, o := range objects {
		requireFile(s.t, dir, o)
	}
	stopped(s.t, p)
	assert.Len(s.t, filesIn(s.t, dir), len(objects))
	assert.Len(s.t, s.source.keys(s.from), len(objects))
}
