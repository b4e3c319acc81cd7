package ingest_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// FuzzCodec reads any bytes: what is no codec is a permanent error, and what is one
// is written and read again as the same.
func FuzzCodec(f *testing.F) {
	f.Add([]byte(`{"id":"a","name":"b","meta":"aGVsbG8="}`))
	f.Add([]byte(`{"id":"a&<>","name":"","meta":null}`))
	f.Add([]byte(`{"id":"\u0000","name":"é"} `))
	f.Add([]byte(`{"id":"\ud83d\ude00\\ud800","name":"\ud800"}`))
	f.Add([]byte(`{"id":"a","ID":"b","name":"c"}`))
	f.Add([]byte(`{"id":"a"}`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := ingest.NewCodec("before", "before", nil)
		codec := before
		if err := codec.Unmarshal(data); err != nil {
			require.ErrorIs(t, err, ingest.ErrPermanent)
			require.Equal(t, before, codec)
			return
		}
		require.NoError(t, codec.Validate())
		wire, err := codec.Marshal()
		require.NoError(t, err)
		var back ingest.Codec
		require.NoError(t, back.Unmarshal(wire))
		require.Equal(t, codec, back)
	})
}

// FuzzCodecRoundTrip sends any element: it arrives byte for byte, or is refused for a
// reason that Validate gives.
func FuzzCodecRoundTrip(f *testing.F) {
	f.Add("a/b", "b", []byte("hello"))
	f.Add("\u2028\ufffd\x00", "", []byte(nil))
	f.Add("a\xed\xa0\x80", "\xff", []byte{})
	f.Add(strings.Repeat("i", maxIdentifier+1), "n", []byte("\n"))
	f.Fuzz(func(t *testing.T, id, name string, meta []byte) {
		codec := ingest.NewCodec(id, name, meta)
		wire, err := codec.Marshal()
		sound := id != "" && utf8.ValidString(id) && utf8.ValidString(name) &&
			len(id) <= maxIdentifier && len(name) <= maxIdentifier && len(meta) <= ingest.MaxInlineMeta
		if !sound {
			require.ErrorIs(t, err, ingest.ErrPermanent)
			return
		}
		require.NoError(t, err)
		var back ingest.Codec
		require.NoError(t, back.Unmarshal(wire))
		require.Equal(t, codec, back)
	})
}

// FuzzContent takes a content out of any message: only what WithContent put there
// comes out, and vouches for itself.
func FuzzContent(f *testing.F) {
	inlined, err := ingest.NewCodec("a", "n", nil).WithContent(&ingest.Object{MimeType: "text/plain", ETag: "e"}, []byte("content\n"))
	require.NoError(f, err)
	f.Add(inlined.Meta)
	f.Add(bytes.Replace(inlined.Meta, []byte("content"), []byte("contest"), 1))
	f.Add([]byte("{}\n"))
	f.Add([]byte("null\nx"))
	f.Fuzz(func(t *testing.T, meta []byte) {
		reference, obj, content, err := ingest.NewCodec("a", "n", meta).Content()
		require.Equal(t, ingest.NewCodec("a", "n", nil), reference)
		if err != nil {
			require.ErrorIs(t, err, ingest.ErrPermanent)
			require.Nil(t, obj)
			return
		}
		require.Equal(t, int64(len(content)), obj.Len)
		again, err := reference.WithContent(obj, content)
		if err != nil {
			// Written anew, the description can be longer than what was read.
			require.ErrorIs(t, err, ingest.ErrTooLarge)
			return
		}
		_, back, same, err := again.Content()
		require.NoError(t, err)
		require.Equal(t, content, same)
		require.Equal(t, obj.MD5, back.MD5)
		require.Equal(t, obj.ETag, back.ETag)
	})
}
