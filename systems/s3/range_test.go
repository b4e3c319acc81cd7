package s3

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestRange(t *testing.T) {
	f := newFake(t, "source")
	f.put(t, "source", "o", []byte("0123456789"))
	obj, err := f.source(t, "source", "").Stat(t.Context(), ingest.NewCodec("o", "o", nil))
	require.NoError(t, err)
	for want, at := range map[string][2]int64{"0": {0, 1}, "0123456789": {0, 10}, "345": {3, 3}, "9": {9, 1}} {
		body, err := obj.Range(t.Context(), at[0], at[1])
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		require.NoError(t, body.Close())
	}
}

// What arrives for a range is not taken for granted.
func TestServersThatDoNotServeTheRange(t *testing.T) {
	answer := func(status int, header, body string) func(w http.ResponseWriter, etag string) {
		return func(w http.ResponseWriter, etag string) {
			w.Header().Set("ETag", etag)
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			w.Header().Set("Content-Range", header)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tc := range map[string]struct {
		answer    func(w http.ResponseWriter, etag string)
		wants     error
		says      string
		rangeless bool
	}{
		"all of it":      {answer(http.StatusOK, "", "0123456789"), errNoRange, "", true},
		"another range":  {answer(http.StatusPartialContent, "bytes 4-6/10", "456"), errNoRange, "", true},
		"a longer range": {answer(http.StatusPartialContent, "bytes 3-6/10", "3456"), errNoRange, "", true},
		"no ETag":        {func(w http.ResponseWriter, _ string) { answer(http.StatusPartialContent, "bytes 3-5/10", "345")(w, "") }, errNoRange, "", true},
		"another version": {func(w http.ResponseWriter, _ string) {
			answer(http.StatusPartialContent, "bytes 3-5/10", "345")(w, `"0f"`)
		}, ingest.ErrChanged, "", false},
		"less than it is":    {answer(http.StatusPartialContent, "bytes 3-5/10", "34"), nil, "ended 1 bytes early", false},
		"more than it is":    {answer(http.StatusPartialContent, "bytes 3-5/10", "3456"), nil, "1 bytes more than it has", false},
		"nothing any more":   {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusNotFound) }, ingest.ErrNotFound, "", false},
		"a failed condition": {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusPreconditionFailed) }, ingest.ErrChanged, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "source")
			f.put(t, "source", "o", []byte("0123456789"))
			s := f.source(t, "source", "")
			codec := ingest.NewCodec("o", "o", nil)
			obj, err := s.Stat(t.Context(), codec)
			require.NoError(t, err)
			f.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/o") {
					return false
				}
				tc.answer(w, `"`+obj.ETag+`"`)
				return true
			})
			body, err := obj.Range(t.Context(), 3, 3)
			if err == nil {
				_, err = io.ReadAll(body)
				_ = body.Close()
			}
			require.Error(t, err)
			if tc.wants != nil {
				require.ErrorIs(t, err, tc.wants)
			}
			require.ErrorContains(t, err, tc.says)
			f.heal()
			obj, err = s.Stat(t.Context(), codec)
			require.NoError(t, err)
			assert.Equal(t, tc.rangeless, obj.Range == nil, "what does not serve ranges is not asked for more")
		})
	}
}
