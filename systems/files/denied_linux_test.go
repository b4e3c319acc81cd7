package files

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

// unprivileged makes permissions hold for this test also if root runs it: the
// thread of the test gives up its capabilities until the end.
func unprivileged(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &before[0]))
	without := before
	without[0].Effective, without[1].Effective = 0, 0
	require.NoError(t, unix.Capset(&header, &without[0]))
	t.Cleanup(func() {
		require.NoError(t, unix.Capset(&header, &before[0]))
		runtime.UnlockOSThread()
	})
}

// deny takes the permissions of a folder away until the end of the test.
func deny(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.Chmod(path, mode))
	t.Cleanup(func() { require.NoError(t, os.Chmod(path, 0o700)) })
}

func TestDenied(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a", "a")
	put(t, dir, "closed/b", "b")
	secret := put(t, dir, "secret", "s")
	require.NoError(t, os.Chmod(secret, 0))
	unprivileged(t)
	deny(t, filepath.Join(dir, "closed"), 0)
	deny(t, dir, 0o500)

	s := newScan(t, dir, "")
	ids, leftOut := listAll(t, s)
	assert.ElementsMatch(t, []string{"a", "secret"}, ids)
	require.Len(t, leftOut, 1)
	assert.ErrorContains(t, leftOut[0], `listing "closed"`)

	_, err := s.Download(t.Context(), element("secret"))
	require.ErrorIs(t, err, os.ErrPermission)
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err), "a file may have permissions of its own")
	assert.NotErrorIs(t, err, ingest.ErrNotFound)

	h := ingest.NewHandle(s, element("a"))
	_, err = h.Stat(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, h.CleanUp(t.Context()), ingest.ErrMisconfigured)
	for _, name := range []string{"new", "new/deep"} {
		_, err = newDest(t, dir, "").Store(t.Context(), element(name), text("x"))
		require.ErrorIs(t, err, ingest.ErrMisconfigured, name)
	}
	assert.FileExists(t, filepath.Join(dir, "a"))
}

func TestAccess(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "open/a", "a")
	put(t, dir, "closed/b", "b")
	closed := filepath.Join(dir, "closed")
	unprivileged(t)
	deny(t, closed, 0o500)
	src, dst := newScan(t, dir, ""), newDest(t, dir, "")
	toClosed := newDest(t, dir, "prefix: closed/new/")
	in := func(name string) *ingest.Codec { c := element(name); return &c }
	for name, tc := range map[string]struct {
		tester ingest.AccessTester
		access ingest.Access
		beside *ingest.Codec
		want   error
	}{
		"list":                      {src, ingest.AccessList, nil, nil},
		"get":                       {src, ingest.AccessGet, in("open/a"), nil},
		"get of nothing":            {src, ingest.AccessGet, nil, ingest.ErrNotTested},
		"get of what is gone":       {src, ingest.AccessGet, in("gone"), ingest.ErrNotTested},
		"delete":                    {src, ingest.AccessDelete, in("open/a"), nil},
		"delete in a closed folder": {src, ingest.AccessDelete, in("closed/b"), ingest.ErrDenied},
		"put by a source":           {src, ingest.AccessPut, nil, ingest.ErrNotTested},
		"put":                       {dst, ingest.AccessPut, nil, nil},
		"get by a destination":      {dst, ingest.AccessGet, nil, nil},
		"put into a closed folder":  {toClosed, ingest.AccessPut, nil, ingest.ErrDenied},
		"put into no folder":        {newDest(t, filepath.Join(dir, "none"), ""), ingest.AccessPut, nil, ingest.ErrMisconfigured},
	} {
		// A subtest would run on another thread.
		err := tc.tester.TestAccess(t.Context(), tc.access, tc.beside)
		if tc.want == nil {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorIs(t, err, tc.want, name)
		if !errors.Is(tc.want, ingest.ErrNotTested) {
			assert.NotEmpty(t, finding.Of("x", err).Mend, name)
		}
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing was changed")
}
