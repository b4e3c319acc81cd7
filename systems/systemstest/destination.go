package systemstest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the digest that stores vouch for, no secret
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// NewDestination returns a destination in a new and empty system.
type NewDestination func(t *testing.T) ingest.Destination

// TestDestination tests that a destination keeps the promises of
// ingest.Destination.
func TestDestination(t *testing.T, newDestination NewDestination, opts ...Option) {
	t.Helper()
	d := &destinationTest{newDestination: newDestination, options: newOptions(opts)}
	t.Run("nothing is there", d.nothing)
	t.Run("stat agrees with store", d.statAgrees)
	t.Run("contents of all sizes", d.sizes)
	t.Run("overwriting", d.overwriting)
	t.Run("what fails leaves nothing", d.failing)
	t.Run("what fails does not vouch over something older", d.failingOver)
	t.Run("a cancelled context", d.cancelled)
	t.Run("does not close the object", d.leavesOpen)
	t.Run("metadata", d.metadata)
}

type destinationTest struct {
	newDestination NewDestination
	options
}

func named(name string) ingest.Codec { return ingest.NewCodec("id of "+name, name, nil) }

// source is an object as a source that vouches for its content opens it.
func source(content []byte) ingest.Object {
	sum := md5.Sum(content) //nolint:gosec // as above
	return ingest.Object{
		MimeType: "text/plain",
		Len:      int64(len(content)),
		Reader:   bytes.NewReader(content),
		MD5:      sum[:],
		ModTime:  time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC),
	}
}

// proves fails the test unless stored vouches for the content.
func proves(t *testing.T, stored *ingest.Stored, content []byte) {
	t.Helper()
	assert.Equal(t, int64(len(content)), stored.Len)
	assert.NotEmpty(t, stored.URI)
	if stored.MD5 != nil {
		sum := md5.Sum(content) //nolint:gosec // as above
		assert.Equal(t, sum[:], stored.MD5)
	}
}

func (d *destinationTest) nothing(t *testing.T) {
	stored, err := d.newDestination(t).Stat(testContext(t), named("nothing"))
	require.ErrorIs(t, err, ingest.ErrNotFound)
	assert.Nil(t, stored)
}

func (d *destinationTest) statAgrees(t *testing.T) {
	ctx := testContext(t)
	dest := d.newDestination(t)
	for _, name := range []string{"a.txt", "folder/b & <c>.txt", "folder/e+f %20", "ключ"} {
		content := []byte("the content of " + name)
		stored, err := dest.Store(ctx, named(name), source(content))
		require.NoError(t, err)
		assert.True(t, stored.Verified, "%q is stored and not verified", name)
		proves(t, stored, content)

		held, err := dest.Stat(ctx, named(name))
		require.NoError(t, err)
		proves(t, held, content)
		assert.Equal(t, stored.URI, held.URI)
		assert.Equal(t, stored.ETag, held.ETag)
		assert.Equal(t, stored.MD5, held.MD5)
	}
	_, err := dest.Stat(ctx, named("folder"))
	require.ErrorIs(t, err, ingest.ErrNotFound, "a folder is no object")
	_, err = dest.Stat(ctx, named("a.tx"))
	require.ErrorIs(t, err, ingest.ErrNotFound, "the beginning of a name is not the name")
}

func (d *destinationTest) sizes(t *testing.T) {
	dest := d.newDestination(t)
	sizes := map[string]int{"one byte": 1, "odd": 4097, "large": 6<<20 + 1}
	if d.empty {
		sizes["empty"] = 0
	}
	for name, size := range sizes {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for how, change := range map[string]func(*ingest.Object){
			"as it is":                  func(*ingest.Object) {},
			"length unknown":            func(o *ingest.Object) { o.Len = -1 },
			"nothing known":             func(o *ingest.Object) { *o = ingest.Object{Len: -1, Reader: o.Reader} },
			"in pieces":                 func(o *ingest.Object) { o.Reader = iotest.HalfReader(o.Reader) },
			"the end along with a byte": func(o *ingest.Object) { o.Reader = iotest.DataErrReader(o.Reader) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				ctx := testContext(t)
				obj := source(content)
				change(&obj)
				stored, err := dest.Store(ctx, named(name+how), obj)
				require.NoError(t, err)
				assert.True(t, stored.Verified)
				proves(t, stored, content)
				held, err := dest.Stat(ctx, named(name+how))
				require.NoError(t, err)
				proves(t, held, content)
			})
		}
	}
}

func (d *destinationTest) overwriting(t *testing.T) {
	ctx := testContext(t)
	dest := d.newDestination(t)
	for _, content := range []string{"the first", "the second, which is longer", "third"} {
		stored, err := dest.Store(ctx, named("one"), source([]byte(content)))
		require.NoError(t, err)
		proves(t, stored, []byte(content))
		held, err := dest.Stat(ctx, named("one"))
		require.NoError(t, err)
		proves(t, held, []byte(content))
	}
}

var errBroken = errors.New("the source broke off")

// broken are readers that a destination must not take for content.
func broken(content []byte) map[string]ingest.Object {
	half := func() io.Reader { return bytes.NewReader(content[:len(content)/2]) }
	fails := func() io.Reader { return io.MultiReader(half(), iotest.ErrReader(errBroken)) }
	object := func(length int64, r io.Reader) ingest.Object {
		return ingest.Object{MimeType: "text/plain", Len: length, Reader: r, ETag: "0f", ModTime: time.Unix(1e9, 0)}
	}
	n := int64(len(content))
	return map[string]ingest.Object{
		"fails at once":                   object(n, iotest.ErrReader(errBroken)),
		"fails in the middle":             object(n, fails()),
		"fails in the middle, no length":  object(-1, fails()),
		"fails in place of the end":       object(n, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errBroken))),
		"ends early":                      object(n, half()),
		"ends early, with a sound digest": {Len: n, Reader: half(), MD5: source(content).MD5},
	}
}

func (d *destinationTest) failing(t *testing.T) {
	for _, size := range []int{1000, 6 << 20} {
		content := []byte(strings.Repeat("x", size))
		for name, obj := range broken(content) {
			t.Run(name, func(t *testing.T) {
				ctx := testContext(t)
				dest := d.newDestination(t)
				stored, err := dest.Store(ctx, named("one"), obj)
				require.Error(t, err)
				assert.Nil(t, stored)
				_, err = dest.Stat(ctx, named("one"))
				require.ErrorIs(t, err, ingest.ErrNotFound, "something is left behind")

				stored, err = dest.Store(ctx, named("one"), source(content))
				require.NoError(t, err, "the next attempt is not in the way of anything")
				assert.True(t, stored.Verified)
			})
		}
	}
}

func (d *destinationTest) failingOver(t *testing.T) {
	older := []byte("older")
	newer := []byte(strings.Repeat("newer", 100))
	for name, obj := range broken(newer) {
		t.Run(name, func(t *testing.T) {
			ctx := testContext(t)
			dest := d.newDestination(t)
			_, err := dest.Store(ctx, named("one"), source(older))
			require.NoError(t, err)
			version := obj.Version()
			_, err = dest.Store(ctx, named("one"), obj)
			require.Error(t, err)
			held, err := dest.Stat(ctx, named("one"))
			if errors.Is(err, ingest.ErrNotFound) {
				return
			}
			require.NoError(t, err)
			proves(t, held, older)
			if version != "" {
				assert.NotEqual(t, version, held.SourceVersion, "what is held is recorded as a copy of what failed")
			}
		})
	}
}

func (d *destinationTest) cancelled(t *testing.T) {
	ctx := testContext(t)
	dest := d.newDestination(t)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := dest.Store(cancelled, named("one"), source([]byte("content")))
	require.Error(t, err)
	_, err = dest.Stat(cancelled, named("one"))
	require.Error(t, err)
	require.NotErrorIs(t, err, ingest.ErrNotFound, "nobody looked")
	_, err = dest.Stat(ctx, named("one"))
	require.ErrorIs(t, err, ingest.ErrNotFound)
}

type openReader struct {
	io.Reader
	closed bool
}

func (o *openReader) Close() error { o.closed = true; return nil }

func (d *destinationTest) leavesOpen(t *testing.T) {
	content := []byte("content")
	obj := source(content)
	r := &openReader{Reader: obj.Reader}
	obj.Reader = r
	_, err := d.newDestination(t).Store(testContext(t), named("one"), obj)
	require.NoError(t, err)
	assert.False(t, r.closed, "the object is the caller's to close")
}

func (d *destinationTest) metadata(t *testing.T) {
	ctx := testContext(t)
	content := []byte("content")
	obj := source(content)
	obj.MimeType = "application/json; charset=utf-8"
	obj.ContentEncoding = "identity"
	obj.ContentDisposition = `attachment; filename="a b.json"`
	obj.ContentLanguage = "de"
	obj.CacheControl = "max-age=60"
	obj.Metadata = map[string]string{"Project": "one", "Owner": "a b"}
	obj.Tags = func(context.Context) (map[string]string, error) { return map[string]string{"k": "v"}, nil }
	dest := d.newDestination(t)
	stored, err := dest.Store(ctx, named("one"), obj)
	require.NoError(t, err)
	proves(t, stored, content)
	if d.carried != nil {
		d.carried(t, dest, named("one"), obj)
	}
}
