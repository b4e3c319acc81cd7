package outputs

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestVerifyingReader(t *testing.T) {
	broken := errors.New("broken")
	text := func(s string) io.Reader { return strings.NewReader(s) }
	for name, tc := range map[string]struct {
		obj  ingest.Object
		r    io.Reader
		want error
	}{
		"sound":                       {ingest.Object{Len: 7, MD5: digest("content")}, text("content"), nil},
		"sound, length only":          {ingest.Object{Len: 7}, text("content"), nil},
		"sound, digest only":          {ingest.Object{Len: -1, MD5: digest("content")}, text("content"), nil},
		"nothing known":               {ingest.Object{Len: -1}, text("content"), nil},
		"empty":                       {ingest.Object{Len: 0, MD5: digest("")}, text(""), nil},
		"end along with data":         {ingest.Object{Len: 7, MD5: digest("content")}, iotest.DataErrReader(text("content")), nil},
		"byte by byte":                {ingest.Object{Len: 7, MD5: digest("content")}, iotest.OneByteReader(text("content")), nil},
		"short":                       {ingest.Object{Len: 8}, text("content"), errDamaged},
		"short, end along with data":  {ingest.Object{Len: 8}, iotest.DataErrReader(text("content")), errDamaged},
		"long":                        {ingest.Object{Len: 6}, text("content"), errDamaged},
		"something in place of empty": {ingest.Object{Len: 0}, text("c"), errDamaged},
		"other content":               {ingest.Object{Len: 7, MD5: digest("content")}, text("CONTENT"), errDamaged},
		"other content, no length":    {ingest.Object{Len: -1, MD5: digest("content")}, iotest.DataErrReader(text("CONTENT")), errDamaged},
		"breaks off":                  {ingest.Object{Len: 7}, io.MultiReader(text("con"), iotest.ErrReader(broken)), broken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := io.ReadAll(newVerifyingReader(&tc.obj, tc.r, true))
			require.ErrorIs(t, err, tc.want)
			if tc.want == nil {
				require.NoError(t, err)
				assert.Equal(t, max(tc.obj.Len, int64(len(got))), int64(len(got)))
			}
		})
	}
}

// A connection that breaks says io.ErrUnexpectedEOF, which io.ReadFull says at the
// end of a last, short part too.
func TestVerifyingReaderHidesUnexpectedEOF(t *testing.T) {
	r := newVerifyingReader(&ingest.Object{Len: -1}, iotest.ErrReader(io.ErrUnexpectedEOF), true)
	_, err := io.ReadFull(r, make([]byte, 8))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.NotEqual(t, io.ErrUnexpectedEOF, err)
}
