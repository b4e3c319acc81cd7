package s3

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

const emptyListing = `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`

// FuzzListing has a server answer with any bytes, several times over. What is listed
// is beneath the prefix and goes by the rest of its key, and the listing comes to an
// end.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`<ListBucketResult><Contents><Key>in/a</Key><Size>1</Size><ETag>"e"</ETag></Contents></ListBucketResult>`), "in/", true)
	f.Add([]byte(`<ListBucketResult><Contents><Key>elsewhere</Key></Contents><Contents><Key>in/../up</Key></Contents></ListBucketResult>`), "in/", true)
	f.Add([]byte(`<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>`), "", true)
	f.Add([]byte(`<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>`), "", true)
	f.Add([]byte(`<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%2F..%00</Key><Size>-1</Size></Contents></ListBucketResult>`), "", true)
	f.Add([]byte(`<ListBucketResult><Contents><Key>in/</Key><Size>0</Size></Contents><CommonPrefixes><Prefix>in/sub/</Prefix></CommonPrefixes></ListBucketResult>`), "in/", false)
	f.Add([]byte(`<Error><Code>SlowDown</Code></Error>`), "", false)
	f.Add([]byte(emptyListing), "", true)

	// After some pages the server makes an end, where a real one may not.
	const pages = 4
	var answer atomic.Pointer[[]byte]
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		if asked.Add(1) > pages {
			_, _ = io.WriteString(w, emptyListing)
			return
		}
		_, _ = w.Write(*answer.Load())
	}))
	f.Cleanup(server.Close)
	c, err := newClient(connection{
		endpoint: strings.TrimPrefix(server.URL, "http://"), insecure: true, region: "us-east-1", bucket: "copy",
		creds: credentials.NewStaticV4("id", "secret", ""),
	})
	require.NoError(f, err)

	f.Fuzz(func(t *testing.T, body []byte, prefix string, recursive bool) {
		answer.Store(&body)
		asked.Store(0)
		l := &listing{client: c, prefix: prefix, recursive: recursive}
		l.reset()
		defer l.close()
		for seen := 0; ; seen++ {
			require.LessOrEqual(t, seen, pages*len(body), "there is more than the server answered")
			e, err := l.next(t.Context())
			if err != nil {
				require.True(t, errors.Is(err, io.EOF) || l.page == nil, "%v", err)
				return
			}
			require.Equal(t, prefix+e.name, e.key)
			codec, _ := e.element()
			if _, err := codec.Marshal(); err != nil {
				require.ErrorIs(t, err, ingest.ErrPermanent)
			}
		}
	})
}

// FuzzKeys stores under any name. A key that is taken begins with the prefix, and no
// server that cleans paths can take it for another one.
func FuzzKeys(f *testing.F) {
	for _, name := range []string{"a/b", "../up", "a/../../up", "/a", "a//b", "a/", "./a", "..", "...", "a\x00", "\xff", ".hidden/..a"} {
		f.Add("in/", name)
	}
	f.Add("in", "/../up")
	f.Add("in/..", "/up")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, prefix, name string) {
		d := &destination{prefix: prefix}
		key, err := d.key(ingest.NewCodec("id", name, nil))
		if err != nil {
			require.ErrorIs(t, err, ErrKey)
			require.ErrorIs(t, err, ingest.ErrPermanent)
			return
		}
		require.True(t, strings.HasPrefix(key, prefix))
		require.Equal(t, "/"+strings.TrimSuffix(key, "/"), path.Clean("/"+key), "a server would store it under another key")
		require.LessOrEqual(t, len(key), maxKey)
	})
}
