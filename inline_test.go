package ingest_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // as in the code
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestInlineContent(t *testing.T) {
	codec := ingest.NewCodec("a", "n", nil)
	obj := &ingest.Object{
		MimeType: "text/plain", Len: 3, ETag: "0f", VersionID: "v", ModTime: time.Unix(1e9, 0).UTC(),
		ContentEncoding: "gzip", CacheControl: "no-store", Metadata: map[string]string{"Who": "ünï"},
		Reader: bytes.NewReader(nil),
		Tags:   func(context.Context) (map[string]string, error) { return nil, nil },
	}
	for name, content := range map[string]string{"text": "a\nb", "empty": "", "binary": "\x00\xff\n"} {
		t.Run(name, func(t *testing.T) {
			inlined, err := codec.WithContent(obj, []byte(content))
			require.NoError(t, err)
			wire, err := inlined.Marshal()
			require.NoError(t, err)
			var arrived ingest.Codec
			require.NoError(t, arrived.Unmarshal(wire))

			back, got, text, err := arrived.Content()
			require.NoError(t, err)
			assert.Equal(t, codec, back)
			assert.Equal(t, content, string(text))
			sum := md5.Sum([]byte(content)) //nolint:gosec // as in the code
			require.NotNil(t, got.Tags, "that it has tags")
			got.Tags = nil
			want := *obj
			want.Len, want.MD5, want.Reader, want.Tags = int64(len(content)), sum[:], nil, nil
			assert.Equal(t, &want, got)
		})
	}
}

func TestInlineContentHasItsLimits(t *testing.T) {
	_, err := ingest.NewCodec("a", "n", nil).WithContent(&ingest.Object{}, make([]byte, ingest.MaxInlineMeta))
	require.ErrorIs(t, err, ingest.ErrTooLarge)
	_, err = ingest.NewCodec("a", "n", []byte("the source's own")).WithContent(&ingest.Object{}, nil)
	require.ErrorIs(t, err, ingest.ErrTooLarge)
}

func TestInlineContentThatWasDamaged(t *testing.T) {
	inlined, err := ingest.NewCodec("a", "n", nil).WithContent(&ingest.Object{}, []byte("content"))
	require.NoError(t, err)
	damaged := inlined
	damaged.Meta = bytes.Replace(inlined.Meta, []byte("content"), []byte("contest"), 1)
	for name, codec := range map[string]ingest.Codec{
		"content": damaged,
		"form":    ingest.NewCodec("a", "n", []byte("x\ncontent")),
		"none":    ingest.NewCodec("a", "n", nil),
	} {
		_, _, _, err := codec.Content()
		assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), name)
	}
}

// tagged is a versioned source of one object with tags.
type tagged struct {
	versionedClient
	tags map[string]string
}

func (c *tagged) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	obj, err := c.versionedClient.Stat(ctx, codec)
	if err == nil {
		obj.Tags = func(context.Context) (map[string]string, error) { return c.tags, nil }
	}
	return obj, err
}

func TestInlineHandle(t *testing.T) {
	client := &tagged{tags: map[string]string{"k": "v"}}
	client.set("content", "0f")
	described := &ingest.Object{Len: 7, ETag: "0f", Tags: func(context.Context) (map[string]string, error) { return nil, nil }}
	h := ingest.NewInlineHandle(client, ingest.NewCodec("a", "n", nil), described, []byte("content"))
	for range 2 {
		obj, err := h.Open(t.Context())
		require.NoError(t, err)
		text, err := io.ReadAll(obj.Reader)
		require.NoError(t, err)
		assert.Equal(t, "content", string(text))
		tags, err := obj.Tags(t.Context())
		require.NoError(t, err)
		assert.Equal(t, client.tags, tags)
	}
	assert.Zero(t, client.downs, "the source is not asked for the content")
	require.NoError(t, h.Unchanged(t.Context()))

	client.set("newer", "1f")
	require.ErrorIs(t, h.Unchanged(t.Context()), ingest.ErrChanged)
	pin, err := h.Stat(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "0f", pin.ETag)
	_, err = pin.Tags(t.Context())
	require.ErrorIs(t, err, ingest.ErrChanged)
	require.ErrorIs(t, h.CleanUp(t.Context()), ingest.ErrChanged)
	assert.Empty(t, client.cleaned, "what was not copied is not removed")
}
