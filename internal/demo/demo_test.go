package demo

import (
	"bytes"
	"crypto/md5" //nolint:gosec // as below
	"encoding/hex"
	"io"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startTestServer(t *testing.T) *server {
	t.Helper()
	s, err := startServer(t.Context(), "bucket")
	require.NoError(t, err)
	t.Cleanup(s.stop)
	return s
}

// The report tells copies that are missing or changed from good ones.
func TestReport(t *testing.T) {
	source, destination := startTestServer(t), startTestServer(t)
	objects := []*object{{key: "good", size: 100}, {key: "changed", size: 100}, {key: "missing", size: 100}}
	_, err := seed(t.Context(), source, objects)
	require.NoError(t, err)
	_, err = seed(t.Context(), destination, []*object{{key: "good", size: 100}, {key: "changed", size: 99}})
	require.NoError(t, err)

	var out bytes.Buffer
	differ, err := report(t.Context(), &out, source, destination, objects)
	require.NoError(t, err)
	assert.Equal(t, 2, differ)
	assert.Regexp(t, `(?m)^good .* verified$`, out.String())
	assert.Regexp(t, `(?m)^changed .* differs$`, out.String())
	assert.Regexp(t, `(?m)^missing .* The specified key does not exist`, out.String())
}

func TestDownloadsAreDamaged(t *testing.T) {
	s := startTestServer(t)
	o := &object{key: "flaky", size: 100_000}
	_, err := seed(t.Context(), s, []*object{o})
	require.NoError(t, err)
	s.damageDownloads("flaky", 2)
	var sums [][md5.Size]byte
	for range 3 {
		url, err := s.client.PresignedGetObject(t.Context(), s.bucket, "flaky", 1e12, nil)
		require.NoError(t, err)
		resp, err := http.Get(url.String()) //nolint:noctx // a test's own server
		require.NoError(t, err)
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Len(t, content, 100_000)
		sums = append(sums, md5.Sum(content)) //nolint:gosec // an ETag is one
	}
	info, err := s.client.StatObject(t.Context(), s.bucket, "flaky", minio.StatObjectOptions{})
	require.NoError(t, err)
	assert.Equal(t, sums[0], sums[1])
	assert.NotEqual(t, sums[0], sums[2])
	assert.Equal(t, info.ETag, hex.EncodeToString(sums[2][:]))
	assert.Equal(t, 3, s.downloadsOf("flaky"), "a HEAD is no download")
}
