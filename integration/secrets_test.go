package integration

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// planted are secrets for every field that has one, by the names of variables.
type planted map[string]string

func plant(t *testing.T) planted {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	key, err := os.ReadFile(filepath.Join(newAuthority(t), "private.key"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	return planted{
		"S3_SECRET": secretKey, "WRONG_S3_SECRET": "planted-wrong-secret", "S3_TOKEN": "planted-session-token",
		"NATS_PASSWORD": "planted-nats-password", "NATS_TOKEN": "planted-nats-token", "NATS_SEED": string(seed), "NATS_JWT": "planted.nats.jwt",
		"NATS_IN_URL": "planted-in-nats-url", "HOOK_PATH": "planted-path", "HOOK_QUERY": "planted-query", "HOOK_HEADER": "planted-header",
		"HOOK_IN_URL": "planted-in-hook-url", "HTTP_PASSWORD": "planted-http-password", "DRIVE_KEY": "planted-drive-key",
		"PLUGIN": "planted-for-the-plugin", "TLS_KEY": lines[len(lines)/2], "TLS_PASSWORD": "planted-tls-password",
	}
}

// write makes a file of variables.
func (p planted) write(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for name, value := range p {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	path := filepath.Join(t.TempDir(), "secrets.env")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

// absent fails if one of them is in the text, as it is or as base64.
func (p planted) absent(t *testing.T, where, text string) {
	t.Helper()
	for name, value := range p {
		assert.NotContains(t, text, value, "%s is in %s", name, where)
		assert.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(value)), "%s is in %s", name, where)
	}
}

// TestSecretsOfARun moves objects with every log line there is, and looks for secrets
// wherever something is shown or stored.
func TestSecretsOfARun(t *testing.T) {
	t.Parallel()
	p := plant(t)
	s3 := startVersityGW(t)
	s3.bucket("one")
	s3.bucket("two")
	putAll(t, s3, "one", small(3, "o"))
	n := connectNATS(t, startNATSWith(t, &server.Options{Username: "user", Password: p["NATS_PASSWORD"]}), nats.UserInfo("user", p["NATS_PASSWORD"]))
	told := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.Header.Get("X-Token") + " " + r.URL.String()
	}))
	defer hook.Close()
	hash := sha256.Sum256([]byte(p["HTTP_PASSWORD"]))
	env, address := p.write(t), freeAddress(t)
	service := fmt.Sprintf(`
http:
  address: %q
  debug_endpoints: true
  basic_auth: { enabled: true, username: operator, password_hash: %q }
logger: { level: TRACE }
`, address, base64.StdEncoding.EncodeToString(hash[:]))
	s3Fields := func(bucket string) string {
		return fmt.Sprintf("endpoint: %q, insecure: true, bucket: %s, access_key_id: %s, secret_access_key: '${S3_SECRET}'", s3.endpoint, bucket, accessKey)
	}
	queueFields := fmt.Sprintf("urls: [ %q ], subject: %s, auth: { user: user, password: '${NATS_PASSWORD}' }", n.url, subject)
	enqueue := writeConfig(t, service+fmt.Sprintf(`
input:
  ingest_s3: { %s }
output:
  ingest_queue: { %s }
`, s3Fields("one"), queueFields))
	run := startArgs(t, address, "run", "--progress=json", "-e", env, enqueue)
	require.Zero(t, run.wait(time.Minute), "%s", run.logs)
	p.absent(t, "the log of a scan", run.logs.String())
	seen := 0
	eachMessage(t, n, "ingest", func(m *jetstream.RawStreamMsg) {
		seen++
		p.absent(t, "a message", fmt.Sprint(m.Subject, m.Header, string(m.Data)))
	})
	require.Equal(t, 3, seen)

	// One of them cannot be stored, and becomes a dead letter.
	require.NoError(t, s3.RemoveObject(t.Context(), "one", "o00000", minio.RemoveObjectOptions{}))
	_, err := n.js.Publish(t.Context(), subject+".bad", []byte(`{"id":"o00001","name":"../o","meta":null}`))
	require.NoError(t, err)
	config := writeConfig(t, service+fmt.Sprintf(`
input:
  ingest_queue: { %s }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_fan_out:
    webhook:
      url: http://${HOOK_IN_URL}@%s/${HOOK_PATH}?q=${HOOK_QUERY}
      headers: { X-Token: '${HOOK_HEADER}' }
    outputs:
      - ingest_s3: { %s }
`, queueFields, s3Fields("one"), strings.TrimPrefix(hook.URL, "http://"), s3Fields("two")))
	run = startArgs(t, address, "run", "--progress=json", "-e", env, config)
	drained(t, n, time.Minute)
	select {
	case got := <-told:
		assert.Equal(t, "planted-header /planted-path?q=planted-query", got)
	case <-time.After(time.Minute):
		assert.Fail(t, "the webhook was not told")
	}
	require.Equal(t, 1, n.count(t, "ingest_dead"))
	eachMessage(t, n, "ingest_dead", func(m *jetstream.RawStreamMsg) {
		p.absent(t, "a dead letter", fmt.Sprint(m.Subject, m.Header, string(m.Data)))
	})
	for _, path := range []string{"/ping", "/ready", "/version", "/endpoints", "/stats", "/metrics", "/debug/config/json", "/debug/config/yaml", "/debug/stack"} {
		p.absent(t, path, get(t, "http://operator:"+p["HTTP_PASSWORD"]+"@"+address+path, http.StatusOK))
		get(t, "http://"+address+path, http.StatusUnauthorized)
	}
	run.stop()
	require.Contains(t, run.logs.String(), "level=trace")
	p.absent(t, "the log of a move", run.logs.String())

	for _, command := range [][]string{
		{"echo"}, {"lint"}, {"check"}, {"queue", "info"}, {"queue", "peek"}, {"queue", "dead", "ls"},
	} {
		out, err := exec.Command(binary, append(append(command, "-e", env), config)...).CombinedOutput()
		require.NoError(t, err, "%v: %s", command, out)
		p.absent(t, strings.Join(command, " "), string(out))
	}
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	require.Equal(t, status, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}

// TestSecretsOfWhatFails gives every component what is wrong, so that each tells of it,
// at every level of the log.
func TestSecretsOfWhatFails(t *testing.T) {
	t.Parallel()
	p := plant(t)
	s3 := startVersityGW(t)
	s3.bucket("one")
	refusing := startNATSWith(t, &server.Options{Username: "user", Password: "another"})
	s3Fields := fmt.Sprintf("endpoint: %q, insecure: true, bucket: one, access_key_id: %s", s3.endpoint, accessKey)
	queue := func(auth string) string {
		return fmt.Sprintf("input: { ingest_queue: { urls: [ %q ], subject: ingest.wf, auth: { %s } } }\noutput: { drop: {} }\n", refusing.ClientURL(), auth)
	}
	scan := func(input string) string {
		return "input: { " + input + " }\noutput: { drop: {} }\n"
	}
	streams := map[string]string{
		"s3_secret": scan("ingest_s3: { interval: 1h, " + s3Fields + ", secret_access_key: '${WRONG_S3_SECRET}' }"),
		"s3_token":  scan("ingest_s3: { interval: 1h, " + s3Fields + ", secret_access_key: '${S3_SECRET}', session_token: '${S3_TOKEN}' }"),
		"password":  queue("user: user, password: '${NATS_PASSWORD}'"),
		"token":     queue("token: '${NATS_TOKEN}'"),
		"seed":      queue("nkey: '${NATS_SEED}'"),
		"jwt":       queue("user_jwt: '${NATS_JWT}', user_nkey_seed: '${NATS_SEED}'"),
		"in_url":    strings.Replace(queue("user: ''"), "nats://", "nats://user:${NATS_IN_URL}@", 1),
		"drive":     "input: { generate: { mapping: 'root = {}', count: 1 } }\noutput: { ingest_drive: { endpoint: 'http://" + freeAddress(t) + "', api_key: '${DRIVE_KEY}' } }\n",
	}
	folder := t.TempDir()
	for name, config := range streams {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(config), 0o600))
	}
	env := p.write(t)
	for _, level := range []string{"OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"} {
		address := freeAddress(t)
		run := startArgs(t, address, "streams", "--no-api", "-e", env,
			"--set", "http.address="+address, "--set", "logger.level="+level, folder)
		if level == "OFF" || level == "FATAL" {
			require.Eventually(t, func() bool { return run.metrics() != "" }, time.Minute, tick)
		} else {
			require.Eventually(t, func() bool {
				for name := range streams {
					if !strings.Contains(run.logs.String(), "stream="+name+"\n") && !strings.Contains(run.logs.String(), "stream="+name+" ") {
						return false
					}
				}
				return true
			}, time.Minute, tick, "not every stream says what is wrong at %s", level)
		}
		p.absent(t, "/metrics", run.metrics())
		// What never connected takes its time to stop.
		run.kill()
		p.absent(t, "the log at "+level, run.logs.String())
	}
	for _, name := range []string{"check", "echo"} {
		for stream := range streams {
			out, _ := exec.Command(binary, name, "-e", env, filepath.Join(folder, stream+".yaml")).CombinedOutput()
			require.NotEmpty(t, out)
			if name != "echo" || stream != "in_url" {
				p.absent(t, name+" of "+stream, string(out))
			}
		}
	}
}

// TestSecretsThatAreNotUnderstood are those that a constructor refuses.
func TestSecretsThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	p := plant(t)
	env := p.write(t)
	for name, tc := range map[string]struct{ output, says string }{
		"a seed":      {"ingest_queue: { subject: ingest.wf, urls: [ 'nats://localhost' ], auth: { nkey: '${NATS_TOKEN}' } }", "field auth.nkey"},
		"two ways":    {"ingest_queue: { subject: ingest.wf, urls: [ 'nats://localhost' ], auth: { token: '${NATS_TOKEN}', user: u, password: '${NATS_PASSWORD}' } }", "at most one way"},
		"a URL":       {"ingest_queue: { subject: ingest.wf, urls: [ 'nats://u:${NATS_IN_URL}@[::1' ] }", "field urls"},
		"a key":       {"ingest_s3: { endpoint: localhost, bucket: one, tls: { client_certs: [ { cert: x, key: '${TLS_KEY}', password: '${TLS_PASSWORD}' } ] } }", "private key"},
		"no key ID":   {"ingest_s3: { endpoint: localhost, bucket: one, secret_access_key: '${S3_SECRET}', session_token: '${S3_TOKEN}' }", "both or none"},
		"a webhook":   {"ingest_fan_out: { webhook: { url: 'http://${HOOK_IN_URL}@[::1/${HOOK_PATH}', headers: { X: '${HOOK_HEADER}' } }, outputs: [ { ingest_files: { path: . } } ] }", "field webhook.url"},
		"Drive's key": {"ingest_drive: { api_key: '${DRIVE_KEY}', credentials_json: '${DRIVE_KEY}' }", "only one of them"},
		"a plugin":    {"ingest_plugin: { name: none, config: { password: '${PLUGIN}' } }", "plugin folders"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, "input: { generate: { count: 1, mapping: 'root = {}' } }\noutput: { "+tc.output+" }\nlogger: { level: ALL }\n")
			run := startArgs(t, "", "run", "-e", env, "--set", "http.enabled=false", path)
			require.NotZero(t, run.wait(time.Minute))
			require.Contains(t, run.logs.String(), tc.says)
			p.absent(t, "the log", run.logs.String())
		})
	}
}

// TestSecretsOfWorkflows renders a file in which secrets stand as they are.
func TestSecretsOfWorkflows(t *testing.T) {
	t.Parallel()
	p := plant(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "from"), []byte("x"), 0o700))
	file := filepath.Join(folder, "workflows.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
sources:
- { name: a, type: s3, endpoint: localhost, bucket: one, accessKeyID: id, secretAccessKey: %s, sessionToken: %s }
- { name: p, type: from, password: %s, nested: { apiKey: %[3]s } }
destinations:
- { name: b, type: s3, endpoint: localhost, bucket: two, accessKeyID: id, secretAccessKey: %[1]s }
- { name: d, type: drive, apiKey: %[4]s }
workflows:
- { name: w, source: a, destinations: [ b ], webhook: "http://%[5]s@localhost/%[6]s?%[7]s" }
- { name: v, source: p, destinations: [ d ] }
`, p["S3_SECRET"], p["S3_TOKEN"], p["PLUGIN"], p["DRIVE_KEY"], p["HOOK_IN_URL"], p["HOOK_PATH"], p["HOOK_QUERY"]), 0o600))
	out, err := exec.Command(binary, "workflow", "render", "--plugins", folder, "--queue-endpoint", "nats://u:"+p["NATS_IN_URL"]+"@localhost", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	p.absent(t, "workflow render", string(out))
	require.Contains(t, string(out), "w_dequeue")
}
