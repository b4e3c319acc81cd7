package s3

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestCheckKey(t *testing.T) {
	long := strings.Repeat("x", maxSegment)
	for name, tc := range map[string]struct {
		key string
		// safe says that it is taken everywhere, allowed that it is at AWS.
		safe, allowed bool
	}{
		"plain":                       {"a", true, true},
		"folders":                     {"a/b/c.txt", true, true},
		"folder marker":               {"a/", true, true},
		"hidden":                      {".a/..b/c..", true, true},
		"spaces and signs":            {" a &+%20?#", true, true},
		"longest segment":             {long + "/" + long, true, true},
		"longest key":                 {strings.Repeat(strings.Repeat("x", 127)+"/", 8), true, true},
		"double slash":                {"a//b", false, true},
		"slash first":                 {"/a", false, true},
		"two slashes last":            {"a//", false, true},
		"dot":                         {"a/./b", false, true},
		"dot dot":                     {"a/../b", false, true},
		"dot dot only":                {"..", false, true},
		"long segment":                {long + "x", false, true},
		"empty":                       {"", false, false},
		"too long":                    {strings.Repeat("x/", 512) + "x", false, false},
		"invalid UTF-8":               {"a\xff", false, false},
		"NUL":                         {"a\x00", false, false},
		"long in bytes, not in runes": {strings.Repeat("é", 128), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			for unsafe, ok := range map[bool]bool{false: tc.safe, true: tc.allowed} {
				err := checkKey(tc.key, unsafe)
				if ok {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, ErrKey)
				assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			}
		})
	}
}

func TestUnsafeKeysAreNotSent(t *testing.T) {
	f := newFake(t, "copy")
	d := f.destination(t, "copy", "")
	before := f.requests.Load()
	_, err := d.Stat(t.Context(), ingest.NewCodec("id", "a//b", nil))
	require.ErrorIs(t, err, ErrKey)
	_, err = d.Store(t.Context(), ingest.NewCodec("id", "a/../b", nil), ingest.Object{Len: 1, Reader: strings.NewReader("x")})
	require.ErrorIs(t, err, ErrKey)
	assert.Equal(t, before, f.requests.Load())
}

func TestIsAWS(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"s3.amazonaws.com": true, "s3.eu-central-1.amazonaws.com:443": true, "s3.cn-north-1.amazonaws.com.cn": true,
		"localhost:9000": false, "amazonaws.com.example.com": false, "notamazonaws.com": false,
	} {
		assert.Equal(t, want, isAWS(endpoint), endpoint)
	}
}
