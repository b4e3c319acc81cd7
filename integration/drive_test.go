package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/internal/drivetest"
)

// requireInDrive compares what is in Drive with the objects, byte for byte.
func requireInDrive(t *testing.T, s *drivetest.Server, folder string, objects []object) {
	t.Helper()
	files := s.Files()
	for _, o := range objects {
		path := folder + strings.ReplaceAll(o.key, "/", " / ")
		require.Len(t, files[path], 1, path)
		want, err := io.ReadAll(o.reader())
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, files[path][0].Content), path)
		assert.Equal(t, map[string]string{"Origin": o.origin()}, files[path][0].Properties, path)
	}
}

// filesInDrive counts the files, without the folders.
func filesInDrive(s *drivetest.Server) (n int) {
	for _, twins := range s.Files() {
		for _, f := range twins {
			if f.Revisions > 0 {
				n++
			}
		}
	}
	return n
}

func exampleS3ToDrive(s *stage) {
	d := drivetest.New(s.t)
	objects := s.putSome()
	s.env["GOOGLE_APPLICATION_CREDENTIALS"] = d.Credentials(s.t)
	s.env["DRIVE_ENDPOINT"], s.env["DRIVE_FOLDER_ID"], s.env["DRIVE_FOLDER"] = d.URL, drivetest.DriveID, "copies"
	p := s.follow("s3-to-drive/dequeue.yaml")
	require.Eventually(s.t, func() bool { return filesInDrive(d) == len(objects) }, time.Minute, tick)
	stopped(s.t, p)
	requireInDrive(s.t, d, "copies / ", objects)
}

// TestDrive moves objects into Google Drive, which fails now and then, and cleans up.
func TestDrive(t *testing.T) {
	t.Parallel()
	source, n, d := startVersityGW(t), startNATS(t), drivetest.New(t)
	source.bucket("source")
	objects := append(small(40, "day 1/hour/o"), small(10, "it's/o")...)
	objects = append(objects, object{key: "larger", size: 20 << 20}, object{key: "empty"})
	putAll(t, source, "source", objects)
	// Its ETag is no MD5 of the content.
	parts := object{key: "in parts", size: 12 << 20}
	_, err := source.Client.PutObject(t.Context(), "source", parts.key, parts.reader(), parts.size,
		minio.PutObjectOptions{PartSize: 5 << 20, UserMetadata: map[string]string{"Origin": parts.origin()}})
	require.NoError(t, err)
	objects = append(objects, parts)

	var requests atomic.Int64
	d.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		switch requests.Add(1) % 19 {
		case 7:
			drivetest.Fail(w, http.StatusForbidden, "userRateLimitExceeded")
			return true
		case 13:
			panic(http.ErrAbortHandler)
		}
		return false
	})
	config := func(cleanUp bool) string {
		return fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s, ack_wait: 5s, backoff: { min: 100ms, max: 1s } }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_fan_out:
    clean_up: %v
    outputs:
      - ingest_drive: { endpoint: %q, credentials_file: %q, shared_drive: %s, folder: backups/2026, chunk_size: 1048576 }
`, n.url, subject, source.fields("source"), cleanUp, d.URL, d.Credentials(t), drivetest.DriveID)
	}
	scan(t, n, source.fields("source"))
	p := start(t, config(false))
	drained(t, n, 2*time.Minute)
	created := p.metric("ingest_google_drive_client_operations_total", `operation="create"`, `result="success"`)
	assert.GreaterOrEqual(t, created, len(objects))
	p.stop()
	requireInDrive(t, d, "backups / 2026 / ", objects)

	// Everything is up to date, also what has no MD5 to compare.
	before := d.Files()
	scan(t, n, source.fields("source"))
	p = start(t, config(true))
	require.Eventually(t, func() bool { return len(source.keys("source")) == 0 }, time.Minute, 4*tick, "the source is not cleaned up")
	drained(t, n, time.Minute)
	p.stop()
	assert.Equal(t, before, d.Files(), "nothing was stored again")
	assert.Equal(t, len(objects), filesInDrive(d))
}
