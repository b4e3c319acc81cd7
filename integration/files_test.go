package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

var getOptions = minio.GetObjectOptions{}

// requireSameContent compares a content with that of an object.
func requireSameContent(t *testing.T, o object, r io.Reader) {
	t.Helper()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	want, err := io.ReadAll(o.reader())
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%s differs", o.key)
}

// halves returns the configurations that scan a folder, and that move what is found.
func halves(n *natsServer, source, dest string, cleanUp bool) (scan, move string) {
	scan = fmt.Sprintf(`
input:
  ingest_files: { path: %q, settle: 0s }
output:
  ingest_queue: { urls: [ %q ], subject: %s }
`, source, n.url, subject)
	move = fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s, ack_wait: 5s }
pipeline:
  processors:
    - ingest_files: { path: %q }
output:
  ingest_fan_out:
    clean_up: %v
    outputs:
      - ingest_files: { path: %q }
`, n.url, subject, source, cleanUp, dest)
	return scan, move
}

// TestFolderToFolder moves files twice: the second time they are up to date. Then
// they are cleaned up.
func TestFolderToFolder(t *testing.T) {
	n, from, to := startNATS(t), t.TempDir(), t.TempDir()
	objects := append(small(200, "in/folder/o"), object{key: "larger", size: 20 << 20}, object{key: "empty"})
	for _, o := range objects {
		writeFile(t, from, o)
	}
	at := time.Date(2021, 2, 3, 4, 5, 6, 7, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(from, "larger"), at, at))
	require.NoError(t, os.Chmod(filepath.Join(from, "larger"), 0o751))
	for _, round := range []struct {
		result  string
		cleanUp bool
	}{{"stored", false}, {"up_to_date", false}, {"up_to_date", true}} {
		scan, move := halves(n, from, to, round.cleanUp)
		require.Zero(t, start(t, scan).wait(time.Minute))
		p := start(t, move)
		drained(t, n, time.Minute)
		p.counts(len(objects), "ingest_storage_objects_total", `result="`+round.result+`"`)
		p.stop()
	}
	assert.Empty(t, filesIn(t, from))
	assert.Len(t, filesIn(t, to), len(objects))
	for _, o := range objects {
		requireFile(t, to, o)
	}
	info, err := os.Stat(filepath.Join(to, "larger"))
	require.NoError(t, err)
	assert.True(t, info.ModTime().Equal(at), "%s", info.ModTime())
	assert.Equal(t, os.FileMode(0o751), info.Mode().Perm())
}

// TestKilledWhileAFileIsWritten kills the worker in the middle of a file: under its
// name there is the older file until the next worker has the whole, and nothing
// is left of the half.
func TestKilledWhileAFileIsWritten(t *testing.T) {
	source, n, to := startVersityGW(t), startNATS(t), t.TempDir()
	source.bucket("source")
	large := object{key: "large", size: 32 << 20}
	putAll(t, source, "source", []object{large})
	require.NoError(t, os.WriteFile(filepath.Join(to, "large"), []byte("older"), 0o600))
	scan(t, n, source.fields("source"))
	var stalled atomic.Bool
	stalled.Store(true)
	slow := startProxy(t, source, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/large") || r.URL.Query().Has("tagging") || !stalled.Load() {
			return false
		}
		body, info, header, err := source.GetObject(r.Context(), "source", "large", getOptions)
		if err != nil {
			return false
		}
		defer body.Close()
		for k, v := range header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", fmt.Sprint(info.Size))
		_, _ = io.CopyN(w, body, info.Size/2)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	config := fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s, ack_wait: 2s }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_files: { path: %q }
`, n.url, subject, source.fields("source", slow.address), to)
	p := start(t, config)
	var half []string
	require.Eventually(t, func() bool {
		half, _ = filepath.Glob(filepath.Join(to, ".ingest-tmp-*"))
		if len(half) != 1 {
			return false
		}
		info, err := os.Stat(half[0])
		return err == nil && info.Size() > 8<<20
	}, time.Minute, tick)
	p.kill()
	content, err := os.ReadFile(filepath.Join(to, "large"))
	require.NoError(t, err)
	assert.Equal(t, "older", string(content))
	assert.FileExists(t, half[0])

	stalled.Store(false)
	p = start(t, config)
	drained(t, n, time.Minute)
	requireFile(t, to, large)
	require.Eventually(t, func() bool { return len(filesIn(t, to)) == 1 }, 10*time.Second, tick, "the half file is still there")
	p.stop()
}

// TestHostileNamesOfAQueue has elements whose names lead out of the folder end as
// dead letters, counted.
func TestHostileNamesOfAQueue(t *testing.T) {
	n, around := startNATS(t), t.TempDir()
	from, to := filepath.Join(around, "from"), filepath.Join(around, "to")
	require.NoError(t, os.Mkdir(from, 0o755))
	require.NoError(t, os.Mkdir(to, 0o755))
	require.NoError(t, os.Symlink(around, filepath.Join(to, "link")))
	writeFile(t, from, object{key: "a", size: 10})
	q := openQueue(t, n)
	names := map[string]string{
		"../escape": "segment ..", "/tmp/escape": "begins with a slash", "a//b": "empty segment", "nul\x00": "NUL",
		"link/escape": "symbolic link", strings.Repeat("s", 256): "256 bytes",
	}
	ids := map[string]string{}
	for name := range names {
		// Elements differ by their IDs.
		o := object{key: fmt.Sprintf("file-%d", len(ids)), size: 10}
		writeFile(t, from, o)
		ids[o.key] = name
		require.NoError(t, q.Publish(t.Context(), ingest.NewCodec(o.key, name, nil), nil))
	}
	require.NoError(t, q.Publish(t.Context(), ingest.NewCodec("../from/a", "good", nil), nil))
	_, move := halves(n, from, to, true)
	p := start(t, move)
	drained(t, n, time.Minute)
	p.counts(len(names)+1, "ingest_storage_objects_total", `result="error"`)
	p.stop()
	dead := deadLetters(t, q)
	assert.Len(t, dead, len(names)+1)
	for id, name := range ids {
		assert.Contains(t, dead[id], names[name], "%q", name)
	}
	assert.Contains(t, dead["../from/a"], "segment ..")
	assert.Len(t, filesIn(t, from), len(names)+1, "nothing was cleaned up")
	assert.Len(t, filesIn(t, around), len(names)+2, "the link, and nothing that was stored")
}

// TestFilesThatAreWrittenMeanwhile moves files of a writer that writes in place
// while they are scanned, copied and cleaned up: each arrives whole.
func TestFilesThatAreWrittenMeanwhile(t *testing.T) {
	n, from, to := startNATS(t), t.TempDir(), t.TempDir()
	scan, move := halves(n, from, to, true)
	scan = strings.Replace(scan, "settle: 0s", "settle: 500ms, interval: 100ms", 1)
	p, q := start(t, scan), start(t, move)
	const files, lines = 5, 60
	whole := strings.Repeat("a line of a file that is being written\n", lines)
	for i := range files {
		go func() {
			f, err := os.OpenFile(filepath.Join(from, fmt.Sprint(i)), os.O_CREATE|os.O_WRONLY|syscall.O_APPEND, 0o600)
			if !assert.NoError(t, err) {
				return
			}
			defer f.Close()
			for line := range strings.Lines(whole) {
				_, err := f.WriteString(line)
				assert.NoError(t, err)
				time.Sleep(tick)
			}
		}()
	}
	require.Eventually(t, func() bool { return len(filesIn(t, to)) == files && len(filesIn(t, from)) == 0 }, time.Minute, tick)
	stopped(t, p, q)
	for i := range files {
		content, err := os.ReadFile(filepath.Join(to, fmt.Sprint(i)))
		require.NoError(t, err)
		assert.Equal(t, whole, string(content))
	}
}
