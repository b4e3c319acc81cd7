package systemstest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// versions tests an ingest.VersionedClient. A source that is none can promise
// nothing of the kind.
func (s *sourceTest) versions(t *testing.T) {
	if _, ok := s.newSource(t, nil).(ingest.VersionedClient); !ok {
		return
	}
	t.Run("an unchanged object", s.unchanged)
	require.NotNil(t, s.change, "a source with versions is tested with the option WithChange")
	t.Run("a changed object", s.changed)
}

func (s *sourceTest) one(t *testing.T) (ingest.Source, ingest.VersionedClient, ingest.Codec) {
	t.Helper()
	source := s.newSource(t, map[string][]byte{"one": []byte("first"), "other": []byte("other")})
	return source, source.(ingest.VersionedClient), list(t, testContext(t), source)["one"]
}

func (s *sourceTest) unchanged(t *testing.T) {
	ctx := testContext(t)
	source, versioned, codec := s.one(t)
	version, err := versioned.Stat(ctx, codec)
	require.NoError(t, err)
	assert.Nil(t, version.Reader)
	require.NotEmpty(t, version.Version(), "there is something to tell versions apart by")

	content, obj := download(t, ctx, source, codec)
	assert.Equal(t, "first", string(content))
	assert.True(t, version.SameVersion(obj))

	pinned, err := versioned.DownloadVersion(ctx, codec, version)
	require.NoError(t, err)
	assert.True(t, version.SameVersion(pinned))
	require.NoError(t, pinned.Close())

	require.NoError(t, versioned.CleanUpVersion(ctx, codec, version))
	require.NoError(t, versioned.CleanUpVersion(ctx, codec, version), "clean-up is idempotent")
	assert.Equal(t, []string{"other"}, names(list(t, ctx, source)))
	_, err = versioned.DownloadVersion(ctx, codec, version)
	require.ErrorIs(t, err, ingest.ErrNotFound)
}

func (s *sourceTest) changed(t *testing.T) {
	ctx := testContext(t)
	source, versioned, codec := s.one(t)
	old, err := versioned.Stat(ctx, codec)
	require.NoError(t, err)
	s.change(t, source, codec.ID, []byte("SECOND"))

	now, err := versioned.Stat(ctx, codec)
	require.NoError(t, err)
	require.False(t, old.SameVersion(now), "%+v and %+v are different versions", old, now)

	obj, err := versioned.DownloadVersion(ctx, codec, old)
	if s.noMatch && err == nil {
		require.False(t, old.SameVersion(obj), "what the server gave is not passed off as the version that was asked for")
		require.NoError(t, obj.Close())
	} else {
		require.ErrorIs(t, err, ingest.ErrChanged)
	}

	require.ErrorIs(t, versioned.CleanUpVersion(ctx, codec, old), ingest.ErrChanged)
	content, _ := download(t, ctx, source, codec)
	assert.Equal(t, "SECOND", string(content), "nothing was removed")

	// What the pipeline holds is a handle, which tells under any server.
	h := ingest.NewHandle(source, codec)
	_, err = h.Stat(ctx)
	require.NoError(t, err)
	s.change(t, source, codec.ID, []byte("the third"))
	_, err = h.Open(ctx)
	require.ErrorIs(t, err, ingest.ErrChanged)
	require.ErrorIs(t, h.Unchanged(ctx), ingest.ErrChanged)
	require.ErrorIs(t, h.CleanUp(ctx), ingest.ErrChanged)
	assert.Equal(t, []string{"one", "other"}, names(list(t, ctx, source)))
}
