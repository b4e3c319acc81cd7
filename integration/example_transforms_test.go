package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func putText(t *testing.T, s *s3Server, bucket, key, text string) {
	t.Helper()
	_, err := s.Client.PutObject(t.Context(), bucket, key, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{ContentType: "text/plain"})
	require.NoError(t, err)
}

func getObject(t *testing.T, s *s3Server, bucket, key string) ([]byte, http.Header) {
	t.Helper()
	body, _, header, err := s.GetObject(t.Context(), bucket, key, minio.GetObjectOptions{})
	require.NoError(t, err)
	defer body.Close() //nolint:errcheck // nothing is written
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	return content, header
}

func exampleGzip(s *stage) {
	objects := s.putSome()
	p := s.follow("gzip/dequeue.yaml")
	awaitKeys(s.t, s.dest, s.to, len(objects))
	stopped(s.t, p)
	for _, o := range objects {
		packed, header := getObject(s.t, s.dest, s.to, o.key+".gz")
		assert.Equal(s.t, "application/gzip", header.Get("Content-Type"))
		unzip, err := gzip.NewReader(bytes.NewReader(packed))
		require.NoError(s.t, err)
		got, err := io.ReadAll(unzip)
		require.NoError(s.t, err)
		want, err := io.ReadAll(o.reader())
		require.NoError(s.t, err)
		assert.Equal(s.t, want, got, o.key)
	}
}

func exampleJSONMapping(s *stage) {
	putText(s.t, s.source, s.from, "1.json", `{"name":"Ada","email":"ada@example.com","country":"gb"}`)
	putText(s.t, s.source, s.from, "broken.json", `{"name":`)
	putText(s.t, s.source, s.from, "notes.txt", "left as it is")
	p := s.follow("json-mapping/dequeue.yaml")
	awaitKeys(s.t, s.dest, s.to, 2)
	stopped(s.t, p)

	text, _ := getObject(s.t, s.dest, s.to, "1.json")
	var mapped map[string]string
	require.NoError(s.t, json.Unmarshal(text, &mapped))
	assert.NotEmpty(s.t, mapped["stored_at_source"])
	delete(mapped, "stored_at_source")
	assert.Equal(s.t, map[string]string{"name": "Ada", "country": "GB"}, mapped)
	text, header := getObject(s.t, s.dest, s.to, "notes.txt")
	assert.Equal(s.t, "left as it is", string(text))
	assert.Equal(s.t, "text/plain", header.Get("Content-Type"))
	assert.NotContains(s.t, s.dest.keys(s.to), "broken.json")
}

func exampleSplitCSV(s *stage) {
	const rows = 2500
	csv := &strings.Builder{}
	want := &strings.Builder{}
	csv.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(csv, "%d,\"a comma, %d\"\n", i, i)
		fmt.Fprintf(want, `{"id":"%d","text":"a comma, %d"}`+"\n", i, i)
	}
	putText(s.t, s.source, s.from, "in/a.csv", csv.String())
	putText(s.t, s.source, s.from, "elsewhere", "no CSV")
	s.env["SRC_PREFIX"], s.env["CLEAN_UP"] = "in/", "true"
	p := s.follow("split-csv/dequeue.yaml")
	awaitKeys(s.t, s.source, s.from, 1)
	stopped(s.t, p)
	assert.Len(s.t, s.dest.keys(s.to), 3)
	var got []byte
	for i := range 3 {
		chunk, header := getObject(s.t, s.dest, s.to, fmt.Sprintf("a.csv/%05d.jsonl", i))
		assert.Equal(s.t, "application/jsonl", header.Get("Content-Type"))
		got = append(got, chunk...)
	}
	assert.Equal(s.t, want.String(), string(got))
}
