package integration

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestForeignDistro builds the distro of another module, and moves objects from
// S3 and from the distro's own source with it. That distro knows nothing of strict
// error handling: what failed in a processor must not be stored all the same.
func TestForeignDistro(t *testing.T) {
	t.Parallel()
	distro := filepath.Join(t.TempDir(), "distro")
	build := command("go", "build", "-o", distro, ".")
	build.Dir = "distro"
	require.NoError(t, build.Run(), "see CONTRIBUTING.md, Dependencies")

	source, dest := startMinIO(t), startVersityGW(t)
	source.bucket("source")
	dest.bucket("from-s3")
	dest.bucket("from-zip")
	objects := append(small(20, "small/"), object{key: "large", size: 20 << 20})
	putAll(t, source, "source", objects)
	require.NoError(t, object{key: "refused", size: 100}.put(t.Context(), source, "source"))
	dir := t.TempDir()
	archive := filepath.Join(dir, "archive.zip")
	writeZIP(t, archive, objects)

	queue := fmt.Sprintf("ingest_queue: { store_dir: %q, stream: %%s, subject: %%[1]s%%s }", filepath.Join(dir, "queue"))
	var paths []string
	for _, workflow := range []struct{ name, system, bucket string }{
		{"s3", fmt.Sprintf("ingest_s3: { %s }", source.fields("source")), "from-s3"},
		{"zip", fmt.Sprintf("ingest_zip: { path: %q }", archive), "from-zip"},
	} {
		for half, config := range map[string]string{
			"enqueue": fmt.Sprintf("input:\n  %s\noutput:\n  %s\n", workflow.system, fmt.Sprintf(queue, workflow.name, "")),
			"dequeue": fmt.Sprintf(`
input:
  %s
pipeline:
  processors:
    - %s
    - mapping: 'root = if metadata("ingest_id") == "refused" { throw("refused") }'
output:
  ingest_fan_out:
    outputs:
      - ingest_s3: { %s }
`, fmt.Sprintf(queue, workflow.name, ", max_attempts: 1"), workflow.system, dest.fields(workflow.bucket)),
		} {
			path := filepath.Join(dir, half+"-"+workflow.name+".yaml")
			require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
			paths = append(paths, path)
		}
	}
	lints, err := exec.Command(distro, append([]string{"lint"}, paths...)...).CombinedOutput()
	require.NoError(t, err, "%s", lints)

	address := freeAddress(t)
	service := writeConfig(t, fmt.Sprintf("http: { address: %q }\n", address))
	p := startProgram(t, distro, address, append([]string{"streams", "--no-api", "-o", service}, paths...)...)
	require.Eventually(t, func() bool {
		return p.metric("ingest_storage_objects_total", `result="stored"`) == 2*len(objects) &&
			p.metric("ingest_queue_operations_total", `result="dead_letter"`) == 1
	}, time.Minute, tick)
	p.stop()
	assert.Zero(t, p.code)
	requireSame(t, dest, "from-s3", "", objects)
	assert.Len(t, dest.keys("from-s3"), len(objects))
	assert.Len(t, dest.keys("from-zip"), len(objects))
	for _, o := range objects {
		body, _, _, err := dest.GetObject(t.Context(), "from-zip", o.key, minio.GetObjectOptions{})
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		want, _ := io.ReadAll(o.reader())
		assert.True(t, bytes.Equal(want, got), "%s differs", o.key)
	}
}

func writeZIP(t *testing.T, path string, objects []object) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	w := zip.NewWriter(file)
	for _, o := range objects {
		to, err := w.Create(o.key)
		require.NoError(t, err)
		_, err = io.Copy(to, o.reader())
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
}
