package integration

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listeners returns the addresses at which a process listens, as /proc writes them.
func listeners(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	sockets := map[string]bool{}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	for _, path := range files {
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "socket:[") {
			sockets[strings.Trim(target, "socket:[]")] = true
		}
	}
	require.NotEmpty(t, sockets)
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			// 0A is a TCP socket that listens; a UDP socket without a peer takes anybody's.
			const inode = 9
			if len(fields) > inode && sockets[fields[inode]] && (fields[3] == "0A" || strings.HasPrefix(table, "udp")) {
				addresses = append(addresses, fields[1])
			}
		}
	}
	return addresses
}

// TestListeners runs a process with an embedded queue and a plugin: it listens where it
// was told to, and nowhere else.
func TestListeners(t *testing.T) {
	t.Parallel()
	plugins := pluginFolder(t)
	from, to, store := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "queue")
	object{key: "one", size: 10}.writeFile(t, from)
	queue := fmt.Sprintf("ingest_queue: { store_dir: %q, subject: %s }", store, subject)
	folder := t.TempDir()
	for name, config := range map[string]string{
		"scan": fmt.Sprintf("input: { ingest_plugin: { name: from, config: { folder: %q }, interval: 1h } }\noutput: { %s }\n", from, queue),
		"move": fmt.Sprintf("input: { %s }\npipeline: { processors: [ { ingest_plugin: { name: from, config: { folder: %q } } } ] }\noutput: { ingest_files: { path: %q } }\n", queue, from, to),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(config), 0o600))
	}
	address := freeAddress(t)
	cmd := exec.Command(binary, "streams", "--no-api", "--set", "http.address="+address, folder)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "INGEST_PLUGIN_PATH="+plugins)
	p := startCommand(t, address, cmd)
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(to, "one"))
		return err == nil && p.metrics() != ""
	}, time.Minute, tick, "%s", p.logs)
	all := listeners(t, p.cmd.Process.Pid)
	require.Len(t, all, 1, "metrics and health")
	assert.True(t, strings.HasPrefix(all[0], "0100007F:"), all[0])
	children := p.children()
	require.NotEmpty(t, children)
	for name, pid := range children {
		assert.Empty(t, listeners(t, pid), name)
	}
	stopped(t, p)
}

// TestServiceWithPasswordAndTLS is what to do where others are to reach the service.
func TestServiceWithPasswordAndTLS(t *testing.T) {
	t.Parallel()
	certs, address := newAuthority(t), freeAddress(t)
	hash := sha256.Sum256([]byte("right"))
	p := startArgs(t, address, "run", writeConfig(t, fmt.Sprintf(`
http:
  address: %q
  cert_file: %s/public.crt
  key_file: %[2]s/private.key
  basic_auth: { enabled: true, username: operator, password_hash: %[3]q }
input: { generate: { mapping: 'root = {}', interval: 1h } }
output: { drop: {} }
`, address, certs, base64.StdEncoding.EncodeToString(hash[:]))))
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(certs, "ca.pem"))
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(ca))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	status := func(password, path string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
		require.NoError(t, err)
		if password != "" {
			req.SetBasicAuth("operator", password)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0
		}
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Eventually(t, func() bool { return status("right", "/ping") == http.StatusOK }, time.Minute, tick, "%s", p.logs)
	for _, path := range []string{"/ping", "/ready", "/metrics", "/stats", "/version", "/endpoints"} {
		assert.Equal(t, http.StatusUnauthorized, status("", path), path)
		assert.Equal(t, http.StatusUnauthorized, status("wrong", path), path)
		assert.Equal(t, http.StatusOK, status("right", path), path)
	}
	resp, err := http.Get("http://" + address + "/ping")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode, "plain HTTP gets no answer")
	stopped(t, p)
}

// TestServiceBeyondThisMachine is refused where anybody could change what runs.
func TestServiceBeyondThisMachine(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, "input: { generate: { mapping: 'root = {}', interval: 1h } }\noutput: { drop: {} }\n")
	_, port, _ := strings.Cut(freeAddress(t), ":")
	p := startArgs(t, "", "streams", "--set", "http.address=:"+port, config)
	require.NotZero(t, p.wait(time.Minute))
	assert.Contains(t, p.logs.String(), "can be reached from other machines")
	assert.Contains(t, p.logs.String(), "--no-api")
	p = startArgs(t, "127.0.0.1:"+port, "streams", "--no-api", "--set", "http.address=:"+port, config)
	p.awaitReady()
	assert.Contains(t, p.logs.String(), "warning: field http.address")
	stopped(t, p)
}

// TestDefaultsAreLoopback looks at what is so without anybody saying it.
func TestDefaultsAreLoopback(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "echo", writeConfig(t, "input: { generate: { mapping: 'root = {}' } }\n")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "\n  address: 127.0.0.1:4195\n")
	out, err = exec.Command(binary, "--mode=all", "--help").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `--listen ADDRESS .*"127\.0\.0\.1:9090"`, string(out))
}
