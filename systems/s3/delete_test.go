package s3

import (
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestDelete(t *testing.T) {
	f := newFake(t, "copy")
	d := f.destination(t, "copy", "prefix: in/\nmetafiles_prefix: in/meta/")
	codec := ingest.NewCodec("id", "name", nil)
	f.put(t, "copy", "in/name", []byte("x"))
	f.put(t, "copy", "in/meta/name.done", []byte("x"))
	f.put(t, "copy", "in/names", []byte("x"))
	held, err := d.Stat(t.Context(), codec)
	require.NoError(t, err)
	left := func() (keys []string) {
		for info := range d.api.ListObjectsIter(t.Context(), "copy", minio.ListObjectsOptions{Recursive: true}) {
			keys = append(keys, info.Key)
		}
		return keys
	}

	f.answer(func(r *http.Request) bool { return r.Method == http.MethodDelete && r.URL.Path == "/copy/in/name" }, http.StatusPreconditionFailed, "PreconditionFailed")
	err = d.Delete(t.Context(), codec, held)
	require.ErrorContains(t, err, "changed")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
	f.answer(func(r *http.Request) bool { return r.Method == http.MethodDelete }, http.StatusForbidden, "AccessDenied")
	err = d.Delete(t.Context(), codec, held)
	require.ErrorContains(t, err, "AccessDenied")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err), "others may be deleted all the same")
	f.heal()

	require.ErrorIs(t, d.Delete(t.Context(), ingest.NewCodec("id", "meta/name.done", nil), held), ingest.ErrPermanent)
	assert.Contains(t, left(), "in/name")

	tagged := ""
	look := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete && r.URL.Path == "/copy/in/name" {
			tagged = r.Header.Get("If-Match")
		}
		return false
	}
	f.intercept.Store(&look)
	require.NoError(t, d.Delete(t.Context(), codec, held))
	assert.Equal(t, `"`+held.ETag+`"`, tagged)
	assert.Equal(t, []string{"in/names"}, left())
	require.NoError(t, d.Delete(t.Context(), codec, held), "what is gone is no error")
}

func TestDeleteRefuses(t *testing.T) {
	f := newFake(t, "source")
	for name, tc := range map[string]struct{ more, says string }{
		"no destinations":       {"delete: true", "field destinations is missing"},
		"from the middle":       {f.against("delete: true\nstart_after: a", "copy"), "start_after"},
		"none":                  {f.against("delete: true\nmax_delete: 0", "copy"), "max_delete"},
		"inside the source":     {f.against("delete: true", "source/in/"), "is inside the other"},
		"around the source":     {f.against("delete: true\nprefix: in/", "source/"), "is inside the other"},
		"inside another":        {f.against("delete: true", "copy/", "copy/in/"), "is inside the other"},
		"beside each other":     {f.against("delete: true\nprefix: a/", "source/b/", "source/c/"), ""},
		"nothing to be deleted": {f.against("prefix: in/", "source/"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.trySource(t, "source", tc.more)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}
