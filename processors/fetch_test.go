package processors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// client is a source of one object.
type client struct {
	obj     ingest.Object
	body    func(context.Context) io.Reader
	err     error
	opens   int
	cleaned int
}

func newClient(content string) *client {
	return &client{
		obj:  ingest.Object{Len: int64(len(content)), ETag: "0f", MimeType: "text/plain", ModTime: time.Unix(1e9, 0)},
		body: func(context.Context) io.Reader { return strings.NewReader(content) },
	}
}

func (c *client) Download(ctx context.Context, _ ingest.Codec) (*ingest.Object, error) {
	c.opens++
	if c.err != nil {
		return nil, c.err
	}
	obj := c.obj
	obj.Reader = c.body(ctx)
	return &obj, nil
}

func (c *client) CleanUp(context.Context, ingest.Codec) error { c.cleaned++; return c.err }

// versioned is a client that can describe without opening.
type versioned struct{ *client }

func (v versioned) Stat(context.Context, ingest.Codec) (*ingest.Object, error) {
	obj := v.obj
	return &obj, v.err
}

func (v versioned) DownloadVersion(ctx context.Context, codec ingest.Codec, _ *ingest.Object) (*ingest.Object, error) {
	return v.Download(ctx, codec)
}

func (v versioned) CleanUpVersion(context.Context, ingest.Codec, *ingest.Object) error {
	v.cleaned++
	return v.err
}

func newFetch(t *testing.T, c ingest.Client, yaml string) *Fetch {
	t.Helper()
	conf, err := service.NewConfigSpec().Fields(FetchFields()...).ParseYAML(yaml, service.NewEmptyEnvironment())
	require.NoError(t, err)
	f, err := NewFetch(c, conf, service.MockResources())
	require.NoError(t, err)
	return f
}

const elementJSON = `{"id":"a","name":"n","meta":null}`

func message() *service.Message { return service.NewMessage([]byte(elementJSON)) }

func process(t *testing.T, f *Fetch, msg *service.Message) *service.Message {
	t.Helper()
	batch, err := f.Process(t.Context(), msg)
	require.NoError(t, err)
	require.Len(t, batch, 1)
	return batch[0]
}

func body(t *testing.T, msg *service.Message) string {
	t.Helper()
	b, err := msg.AsBytes()
	require.NoError(t, err)
	return string(b)
}

func TestDownloadOpensNothing(t *testing.T) {
	c := newClient("content")
	msg := process(t, newFetch(t, c, ""), message())
	assert.Zero(t, c.opens)
	assert.Equal(t, elementJSON, body(t, msg), "the message stays as it is")
	assert.False(t, ingest.HasContent(msg))
	h, ok := ingest.HandleOf(msg)
	require.True(t, ok)
	assert.Equal(t, ingest.NewCodec("a", "n", nil), h.Codec())
}

func TestRead(t *testing.T) {
	msg := process(t, newFetch(t, newClient("content"), "operation: read\nmax_bytes: 7"), message())
	assert.Equal(t, "content", body(t, msg))
	assert.True(t, ingest.HasContent(msg))
	_, ok := ingest.HandleOf(msg)
	assert.True(t, ok, "for the clean-up")
	for key, want := range map[string]string{
		ingest.MetaSize: "7", ingest.MetaETag: "0f", ingest.MetaContentType: "text/plain", ingest.MetaLastModified: "2001-09-09T01:46:40Z",
	} {
		got, _ := msg.MetaGet(key)
		assert.Equal(t, want, got, key)
	}
}

func TestReadRefuses(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		change    func(*client)
		yaml      string
		says      string
		permanent bool
	}{
		"announced as too large": {func(*client) {}, "max_bytes: 6", "content is more than max_bytes, 6", true},
		"too large, unannounced": {func(c *client) { c.obj.Len = -1 }, "max_bytes: 6", "more than max_bytes, 6", true},
		"short":                  {func(c *client) { c.obj.Len = 8 }, "", "7 of 8 bytes arrived", false},
		"long":                   {func(c *client) { c.obj.Len = 6 }, "", "7 of 6 bytes arrived", false},
		"other content":          {func(c *client) { c.obj.MD5 = make([]byte, 16) }, "", "not what the source vouches for", false},
		"cannot be opened":       {func(c *client) { c.err = broken }, "", "broken", false},
		"stalls":                 {func(c *client) { c.body = endless }, "stall_timeout: 20ms", "no progress for 20ms", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient("content")
			tc.change(c)
			batch, err := newFetch(t, c, "operation: read\n"+tc.yaml).Process(t.Context(), message())
			require.ErrorContains(t, err, tc.says)
			assert.Empty(t, batch)
			assert.Equal(t, tc.permanent, ingest.KindOf(err) == ingest.KindPermanent)
		})
	}
}

// endless is a body that yields nothing until it is cancelled.
func endless(ctx context.Context) io.Reader {
	return readerFunc(func([]byte) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestStat(t *testing.T) {
	for name, tc := range map[string]struct {
		wrap  func(*client) ingest.Client
		opens int
	}{
		"of a source that can":    {func(c *client) ingest.Client { return versioned{c} }, 0},
		"of a source that cannot": {func(c *client) ingest.Client { return c }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient("content")
			msg := process(t, newFetch(t, tc.wrap(c), "operation: stat"), message())
			size, _ := msg.MetaGet(ingest.MetaSize)
			assert.Equal(t, "7", size)
			assert.Equal(t, elementJSON, body(t, msg))
			assert.Equal(t, tc.opens, c.opens)
			_, ok := ingest.HandleOf(msg)
			assert.True(t, ok)
		})
	}
}

func TestStatKeepsContent(t *testing.T) {
	c := newClient("content")
	msg := process(t, newFetch(t, versioned{c}, "operation: read"), message())
	msg = process(t, newFetch(t, versioned{c}, "operation: stat"), msg)
	assert.True(t, ingest.HasContent(msg))
	assert.Equal(t, "content", body(t, msg))
}

func TestCleanUp(t *testing.T) {
	c := newClient("content")
	f := newFetch(t, c, "operation: clean_up")
	_, err := f.Process(t.Context(), message())
	require.ErrorContains(t, err, "no version of it was opened")
	assert.Zero(t, c.cleaned, "nothing was copied")

	msg := process(t, newFetch(t, c, "operation: read"), message())
	process(t, f, msg)
	assert.Equal(t, 1, c.cleaned)
}

func TestVanishedIsDropped(t *testing.T) {
	for _, operation := range []string{"read", "stat"} {
		t.Run(operation, func(t *testing.T) {
			c := newClient("content")
			c.err = ingest.NotFound(errors.New("gone"))
			batch, err := newFetch(t, c, "operation: "+operation).Process(t.Context(), message())
			require.NoError(t, err)
			assert.Empty(t, batch)
		})
	}
}

func TestFetchOfNoElement(t *testing.T) {
	for _, operation := range []string{"download", "read", "stat", "clean_up"} {
		t.Run(operation, func(t *testing.T) {
			c := newClient("content")
			_, err := newFetch(t, c, "operation: "+operation).Process(t.Context(), service.NewMessage([]byte("garbage")))
			require.ErrorContains(t, err, "no element")
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			assert.Zero(t, c.opens+c.cleaned)
		})
	}
}

func TestFetchLint(t *testing.T) {
	env := service.NewEmptyEnvironment()
	require.NoError(t, env.RegisterProcessor("fetch", service.NewConfigSpec().Fields(FetchFields()...),
		func(conf *service.ParsedConfig, res *service.Resources) (service.Processor, error) {
			return NewFetch(newClient(""), conf, res)
		}))
	for yaml, says := range map[string]string{
		"{}":                                "",
		"{ operation: read, max_bytes: 1 }": "",
		"{ operation: upload }":             "upload",
		"{ max_bytes: 0 }":                  "at least 1",
		"{ operation: read, max_byte: 1 }":  "max_byte",
	} {
		t.Run(yaml, func(t *testing.T) {
			lints, err := env.NewComponentConfigLinter().LintProcessorYAML([]byte("fetch: " + yaml))
			require.NoError(t, err)
			if says == "" {
				assert.Empty(t, lints)
				return
			}
			require.NotEmpty(t, lints)
			assert.Contains(t, fmt.Sprint(lints), says)
		})
	}
}
