package systemstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// NewSource puts the objects, content by name, into a new and otherwise empty
// system, and returns a source for them whose elements have these names.
type NewSource func(t *testing.T, objects map[string][]byte) ingest.Source

// TestSource tests that a source keeps the promises of ingest.Source, and of
// ingest.Lister and ingest.VersionedClient where it is one.
func TestSource(t *testing.T, newSource NewSource, opts ...Option) {
	t.Helper()
	s := &sourceTest{newSource: newSource, options: newOptions(opts)}
	t.Run("lists everything once", s.listsEverythingOnce)
	t.Run("an empty system is at its end", s.emptySystem)
	t.Run("reset starts over", s.resetStartsOver)
	t.Run("a cancelled context is not the end", s.cancelledIsNotTheEnd)
	t.Run("elements can be queued", s.elementsCanBeQueued)
	t.Run("downloads", s.downloads)
	t.Run("downloads many times", s.downloadsManyTimes)
	t.Run("what does not exist", s.unknown)
	t.Run("clean-up", s.cleanUp)
	t.Run("a listing describes what is downloaded", s.listingDescribes)
	t.Run("versions", s.versions)
}

type sourceTest struct {
	newSource NewSource
	options
}

// objects is what most tests put into the system. The names are such as every
// system takes, and the contents differ in length.
func (s *sourceTest) objects() map[string][]byte {
	objects := map[string][]byte{
		"a.txt":          []byte("the first"),
		"b & <c>.txt":    []byte("with characters that some encodings escape"),
		"folder/d.bin":   bytes.Repeat([]byte{0, 1, 2, 0xff}, 64<<10),
		"folder/e+f %20": []byte("x"),
		"ключ.txt":       []byte("not in ASCII"),
	}
	if s.empty {
		objects["empty"] = nil
	}
	return objects
}

// list returns the elements by name, from Reset to the end.
func list(t *testing.T, ctx context.Context, source ingest.Source) map[string]ingest.Codec {
	t.Helper()
	require.NoError(t, source.Reset(ctx))
	elements := map[string]ingest.Codec{}
	for {
		codec, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			_, err = source.Next(ctx)
			require.ErrorIs(t, err, io.EOF, "after the end there is the end")
			return elements
		}
		require.NoError(t, err)
		require.NotNil(t, codec)
		require.NotContains(t, elements, codec.Name, "an element is listed once")
		elements[codec.Name] = *codec
	}
}

func names[V any](m map[string]V) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func (s *sourceTest) listsEverythingOnce(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	elements := list(t, ctx, source)
	assert.Equal(t, names(objects), names(elements))
	ids := map[string]bool{}
	for _, codec := range elements {
		assert.False(t, ids[codec.ID], "the ID %q stands for two elements", codec.ID)
		ids[codec.ID] = true
	}
}

func (s *sourceTest) emptySystem(t *testing.T) {
	assert.Empty(t, list(t, testContext(t), s.newSource(t, nil)))
}

func (s *sourceTest) resetStartsOver(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	require.Equal(t, names(objects), names(list(t, ctx, source)))
	require.Equal(t, names(objects), names(list(t, ctx, source)), "after the end")

	require.NoError(t, source.Reset(ctx))
	_, err := source.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, names(objects), names(list(t, ctx, source)), "in the middle")
}

func (s *sourceTest) cancelledIsNotTheEnd(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	require.NoError(t, source.Reset(ctx))
	first, err := source.Next(ctx)
	require.NoError(t, err)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = source.Next(cancelled)
	require.Error(t, err)
	require.NotErrorIs(t, err, io.EOF, "who takes this for the end loses the rest")

	// The error skipped nothing.
	seen := []string{first.Name}
	for {
		codec, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		seen = append(seen, codec.Name)
	}
	slices.Sort(seen)
	assert.Equal(t, names(objects), seen)

	_, err = source.Download(cancelled, *first)
	require.Error(t, err)
	require.NotErrorIs(t, err, ingest.ErrNotFound, "the element would count as vanished")
}

func (s *sourceTest) elementsCanBeQueued(t *testing.T) {
	ctx := testContext(t)
	source := s.newSource(t, s.objects())
	for _, codec := range list(t, ctx, source) {
		data, err := codec.Marshal()
		require.NoError(t, err)
		var back ingest.Codec
		require.NoError(t, back.Unmarshal(data))
		obj, err := source.Download(ctx, back)
		require.NoError(t, err, "what comes from the queue is enough to download")
		require.NoError(t, obj.Close())
	}
}

func (s *sourceTest) downloads(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	for name, codec := range list(t, ctx, source) {
		content, obj := download(t, ctx, source, codec)
		assert.True(t, bytes.Equal(objects[name], content), "the content of %q", name)
		if obj.Len >= 0 {
			assert.Equal(t, int64(len(objects[name])), obj.Len, "the length of %q", name)
		}
	}
}

func download(t *testing.T, ctx context.Context, source ingest.Source, codec ingest.Codec) ([]byte, *ingest.Object) {
	t.Helper()
	obj, err := source.Download(ctx, codec)
	require.NoError(t, err)
	require.NotNil(t, obj.Reader)
	content, err := io.ReadAll(obj.Reader)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	return content, obj
}

// Several destinations open one object, also at once.
func (s *sourceTest) downloadsManyTimes(t *testing.T) {
	ctx := testContext(t)
	want := bytes.Repeat([]byte("0123456789"), 10_000)
	source := s.newSource(t, map[string][]byte{"one": want})
	codec := list(t, ctx, source)["one"]
	opened := make([]*ingest.Object, 3)
	for i := range opened {
		obj, err := source.Download(ctx, codec)
		require.NoError(t, err)
		opened[i] = obj
	}
	for _, obj := range opened {
		content, err := io.ReadAll(obj.Reader)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, content))
		require.NoError(t, obj.Close())
	}
}

func (s *sourceTest) unknown(t *testing.T) {
	ctx := testContext(t)
	source := s.newSource(t, map[string][]byte{"one": []byte("1")})
	gone := list(t, ctx, source)["one"]
	gone.ID += "-that-never-was"
	_, err := source.Download(ctx, gone)
	require.ErrorIs(t, err, ingest.ErrNotFound)
	require.NoError(t, source.CleanUp(ctx, gone), "there is nothing to remove")
	if versioned, ok := source.(ingest.VersionedClient); ok {
		_, err = versioned.Stat(ctx, gone)
		require.ErrorIs(t, err, ingest.ErrNotFound)
	}
	assert.Len(t, list(t, ctx, source), 1, "nothing else was removed")
}

func (s *sourceTest) cleanUp(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	codec := list(t, ctx, source)["a.txt"]
	require.NoError(t, source.CleanUp(ctx, codec))
	require.NoError(t, source.CleanUp(ctx, codec), "clean-up is idempotent")
	delete(objects, "a.txt")
	elements := list(t, ctx, source)
	assert.Equal(t, names(objects), names(elements), "it is listed no more, and nothing else is missing")
}

func (s *sourceTest) listingDescribes(t *testing.T) {
	ctx := testContext(t)
	objects := s.objects()
	source := s.newSource(t, objects)
	lister, ok := source.(ingest.Lister)
	if !ok {
		return
	}
	require.NoError(t, source.Reset(ctx))
	count := 0
	for {
		codec, listed, err := lister.NextObject(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		count++
		if listed == nil {
			continue
		}
		assert.Nil(t, listed.Reader, "a listing opens nothing")
		_, obj := download(t, ctx, source, *codec)
		assert.True(t, listed.SameVersion(obj), "%q is listed as %+v, and downloaded as %+v", codec.Name, listed, obj)
	}
	assert.Len(t, objects, count)
}
