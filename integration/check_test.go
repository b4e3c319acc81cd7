package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/queue"
)

// check runs ingest check on configurations, and returns what it says.
func check(t *testing.T, configs ...string) (out string, ok bool) {
	t.Helper()
	args := []string{"check", "--timeout", "5s"}
	for _, c := range configs {
		args = append(args, writeConfig(t, c))
	}
	text, err := exec.Command(binary, args...).CombinedOutput()
	assert.NotContains(t, string(text), secretKey)
	return string(text), err == nil
}

// limited is the connection of a component whose credentials allow some actions
// only.
func (s *s3Server) limited(bucket string, actions ...string) string {
	s.t.Helper()
	policy, err := json.Marshal(map[string]any{
		"Version":   "2012-10-17",
		"Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": []string{"arn:aws:s3:::*"}}},
	})
	require.NoError(s.t, err)
	creds, err := credentials.NewSTSAssumeRole("http://"+s.endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: accessKey, SecretKey: secretKey, Policy: string(policy), DurationSeconds: 3600,
	})
	require.NoError(s.t, err)
	v, err := creds.GetWithContext(nil)
	require.NoError(s.t, err)
	return fmt.Sprintf("endpoint: %q, insecure: true, bucket: %q, access_key_id: %s, secret_access_key: %s, session_token: %s",
		s.endpoint, bucket, v.AccessKeyID, v.SecretAccessKey, v.SessionToken)
}

// everything is all that a bucket holds: versions, delete markers, and uploads.
func (s *s3Server) everything(bucket string) (all []string) {
	s.t.Helper()
	for o := range s.ListObjectsIter(s.t.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		require.NoError(s.t, o.Err)
		all = append(all, fmt.Sprint(o.Key, o.VersionID, o.ETag, o.IsDeleteMarker))
	}
	uploads, err := filepath.Glob(filepath.Join(s.dir, ".minio.sys", "multipart", "*"))
	require.NoError(s.t, err)
	return append(all, uploads...)
}

// streams counts the streams of a server.
func (n *natsServer) streams(t *testing.T) int {
	t.Helper()
	info, err := n.js.AccountInfo(t.Context())
	require.NoError(t, err)
	return info.Streams
}

func TestCheckOfABrokenSetUp(t *testing.T) {
	s, n := startMinIO(t), startNATS(t)
	s.bucket("source")
	s.bucket("copy-a")
	putAll(t, s, "source", small(1, "in/o"))
	source, copyA := s.fields("source"), s.fields("copy-a")

	withoutJetStream := startNATSWith(t, &server.Options{}, func(o *server.Options) { o.JetStream = false })
	withUsers := startNATSWith(t, &server.Options{}, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "all", Password: "right"},
			{Username: "reader", Password: "right", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: []string{"$JS.API.STREAM.CREATE.>"}},
			}},
		}
	})
	_, err := n.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "interest", Subjects: []string{"interest.>"}, Retention: jetstream.InterestPolicy})
	require.NoError(t, err)
	_, err = n.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "other", Subjects: []string{"taken.>"}})
	require.NoError(t, err)

	held := queue.Config{Server: queue.Server{StoreDir: filepath.Join(t.TempDir(), "held")}, Subject: subject}
	q, err := queue.Open(t.Context(), held, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = q.Close() })

	nobody := freeAddress(t)
	silent := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(silent.Close)
	silentAddress := strings.TrimPrefix(silent.URL, "https://")

	queueAt := func(more string) string { return fmt.Sprintf("ingest_queue: { subject: %s, %s }", subject, more) }
	good := queueAt(fmt.Sprintf("urls: [ %q ]", n.url))
	enqueue := func(source, queue string) string {
		return "input:\n  ingest_s3: { " + source + " }\noutput:\n  " + queue + "\n"
	}
	dequeueTo := func(source, output string) string {
		return "input:\n  " + good + "\npipeline:\n  processors:\n    - ingest_s3: { " + source + " }\noutput:\n  ingest_fan_out:\n    " + output + "\n"
	}
	outputs := func(fields string) string { return "outputs: [ { ingest_s3: { " + fields + " } } ]" }
	replace := strings.Replace

	cases := map[string]struct{ config, at, problem, mend string }{
		"wrong access key": {enqueue(replace(source, "access_key_id: "+accessKey, "access_key_id: nobody", 1), good), ":2",
			"(InvalidAccessKeyId)", "the access key is not known there: fix field access_key_id"},
		"wrong secret": {enqueue(replace(source, secretKey, "wrong-secret", 1), good), ":2",
			"the signature does not match", "secret_access_key is wrong for this access key"},
		"missing bucket": {dequeueTo(source, outputs(s.fields("copy-b"))), ":8",
			"bucket copy-b does not exist at " + s.endpoint, "create it (mc mb, aws s3 mb), or fix field bucket"},
		"missing bucket of the source": {enqueue(s.fields("nowhere"), good), ":2",
			"bucket nowhere does not exist", "create it (mc mb, aws s3 mb), or fix field bucket"},
		"read-only destination": {dequeueTo(source, outputs(s.limited("copy-a", "s3:ListBucket", "s3:GetObject"))), ":8",
			"FAILED      put: putting objects is denied in bucket copy-a", "grant s3:PutObject on arn:aws:s3:::copy-a/*"},
		"source without list": {enqueue(s.limited("source", "s3:GetObject"), good), ":2",
			"FAILED      list: listing is denied", "grant s3:ListBucket on arn:aws:s3:::source\n"},
		"source without get": {dequeueTo(s.limited("source", "s3:ListBucket"), outputs(copyA)), ":5",
			"FAILED      get: reading is denied", "grant s3:GetObject on arn:aws:s3:::source/*"},
		"clean-up without delete": {dequeueTo(s.limited("source", "s3:ListBucket", "s3:GetObject", "s3:GetBucketVersioning"), "clean_up: true\n    "+outputs(copyA)), ":5",
			"FAILED      delete: deleting objects is denied", "grant s3:DeleteObject on arn:aws:s3:::source/*"},
		"NATS without JetStream": {enqueue(source, queueAt(fmt.Sprintf("urls: [ %q ]", withoutJetStream.ClientURL()))), ":4",
			"the server at " + withoutJetStream.ClientURL() + " is reachable but has no JetStream", "start it with nats-server -js"},
		"NATS down": {enqueue(source, queueAt("urls: [ nats://"+nobody+" ]")), ":4",
			"connecting to NATS at nats://" + nobody, "start the server (nats-server -js), or fix field urls"},
		"no NATS credentials": {enqueue(source, queueAt(fmt.Sprintf("urls: [ %q ]", withUsers.ClientURL()))), ":4",
			"nats: Authorization Violation", "the server wants credentials: set field auth"},
		"wrong NATS credentials": {enqueue(source, queueAt(fmt.Sprintf("urls: [ %q ], auth: { user: all, password: wrong }", withUsers.ClientURL()))), ":4",
			"nats: Authorization Violation", "the server refuses the credentials: fix field auth"},
		"NATS user may not create": {enqueue(source, queueAt(fmt.Sprintf("urls: [ %q ], auth: { user: reader, password: right }", withUsers.ClientURL()))), ":4",
			"FAILED      stream ingest: nats: permissions violation", "grant this to the user of field auth"},
		"incompatible stream": {enqueue(source, queueAt(fmt.Sprintf("urls: [ %q ], stream: interest", n.url))), ":4",
			"retention is Interest and must be WorkQueue", "remove it (nats stream rm interest), or set field stream"},
		"subject of another stream": {enqueue(source, fmt.Sprintf("ingest_queue: { urls: [ %q ], subject: taken.wf }", n.url)), ":4",
			"stream other takes subject taken.wf.> already", "set field subject to a subject of its own"},
		"queue held by another process": {enqueue(source, queueAt(fmt.Sprintf("store_dir: %q", held.Server.StoreDir))), ":4",
			"held is in use by another process", "run both pipelines in one (ingest streams)"},
		"endpoint down": {enqueue(s.fields("source", nobody), good), ":2",
			"connection refused", "nothing listens there: start the server, or fix field endpoint"},
		"TLS to plain HTTP": {enqueue(replace(source, "insecure: true", "insecure: false", 1), good), ":2",
			"server gave HTTP response to HTTPS client", "use plain HTTP (insecure: true)"},
		"plain HTTP to TLS": {enqueue(s.fields("source", silentAddress), good), ":2",
			"400", "the server may speak TLS only: set insecure: false"},
		"untrusted certificate": {enqueue(replace(s.fields("source", silentAddress), "insecure: true", "insecure: false", 1), good), ":2",
			"certificate", "set tls.root_cas_file"},
		"misspelt field": {enqueue(source+", prefx: in/", good), ":2",
			"field prefx not recognised", "see whether it is misspelt"},
		"environment variable": {enqueue(source+", prefix: '${NO_SUCH_VARIABLE}'", good), ":2",
			"environment variable NO_SUCH_VARIABLE is not set", "--env-file"},
		"webhook down": {dequeueTo(source, "webhook: { url: 'http://"+nobody+"' }\n    "+outputs(copyA)), ":7",
			"connecting to " + nobody, "nothing listens there: start the server, or fix field webhook.url"},
	}
	before, streams := [][]string{s.everything("source"), s.everything("copy-a")}, n.streams(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, ok := check(t, c.config)
			assert.False(t, ok)
			assert.Contains(t, out, "pipeline.yaml"+c.at)
			assert.Contains(t, out, c.problem)
			assert.Contains(t, out, c.mend)
			if t.Failed() {
				t.Log(out)
			}
		})
	}
	assert.Equal(t, before, [][]string{s.everything("source"), s.everything("copy-a")}, "a check changes nothing")
	assert.Equal(t, streams, n.streams(t))
}

func TestCheckOfASoundSetUp(t *testing.T) {
	s, n := startMinIO(t), startNATS(t)
	s.bucket("source")
	s.bucket("copy-a")
	s.bucket("copy-b")
	require.NoError(t, s.EnableVersioning(t.Context(), "copy-b"))
	putAll(t, s, "source", small(3, "in/o"))
	hook := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(hook.Close)

	d := dequeue{source: s.fields("source"), outputs: []string{s.fields("copy-a"), s.fields("copy-b")}, cleanUp: true,
		extra: fmt.Sprintf("    webhook: { url: %q }", hook.URL+"/secret-path")}
	configs := []string{enqueueConfig(n, s.fields("source")+", prefix: in/, interval: 5m"), d.config(n)}
	out, ok := check(t, configs...)
	require.True(t, ok, out)
	for _, says := range []string{
		"ok          list\n", "ok          get\n", "ok          put\n", "ok          delete\n",
		"not tested  delete: the bucket has versions",
		"ok          stream ingest: it does not exist yet, and a run would create it",
		"would scan s3://" + s.endpoint + "/source/in/ every 5m, then queue what it finds on stream ingest at " + n.url + ", subject ingest.wf",
		"then store in 2 destinations (s3://" + s.endpoint + "/copy-a/, s3://" + s.endpoint + "/copy-b/), then clean up at the source, then tell the webhook at ",
	} {
		assert.Contains(t, out, says)
	}
	assert.NotContains(t, out, "FAILED")
	assert.NotContains(t, out, "secret-path")
	assert.Len(t, s.everything("source"), 3)
	assert.Empty(t, s.everything("copy-a"))
	assert.Empty(t, s.everything("copy-b"))
	assert.Zero(t, n.streams(t))

	// What a run has made is sound too, and left as it is.
	scan(t, n, s.fields("source"))
	out, ok = check(t, configs...)
	require.True(t, ok, out)
	assert.Contains(t, out, "ok          publish\n")
	assert.Equal(t, 3, n.count(t, "ingest"))
}

// A scan that is compared, and that finds only what is to be deleted.
func TestCheckOfAComparedScan(t *testing.T) {
	s, n := startMinIO(t), startNATS(t)
	s.bucket("source")
	s.bucket("copy")
	putAll(t, s, "source", small(3, "o"))
	putAll(t, s, "copy", small(4, "o"))
	move := dequeue{source: s.fields("source"), outputs: []string{s.fields("copy")}}.config(n)
	out, ok := check(t, enqueueConfig(n, comparedWith(s.fields("source"), s.fields("copy"))+", delete: true"), move)
	require.True(t, ok, out)
	at := "s3://" + s.endpoint + "/copy/"
	assert.Contains(t, out, "ok          list: of the destinations that the scan is compared with, too\n")
	assert.Contains(t, out, "/source/ once, leave out what is held by all of ("+at+"), have deleted there what the source has not, then queue")
	assert.Len(t, s.everything("copy"), 4)

	wrong := strings.Replace(s.fields("copy"), "secret_access_key: "+secretKey, "secret_access_key: wrong", 1)
	out, ok = check(t, enqueueConfig(n, comparedWith(s.fields("source"), wrong)), move)
	require.False(t, ok)
	assert.Contains(t, out, "destinations.0 "+at+": the server at "+s.endpoint+" answers ")
}

func TestCheckAsJSON(t *testing.T) {
	s := startMinIO(t)
	config := writeConfig(t, "input:\n  ingest_s3: { "+s.fields("nowhere")+" }\noutput:\n  drop: {}\n")
	cmd := exec.Command(binary, "check", "--json", config)
	var out bytes.Buffer
	cmd.Stdout = &out
	require.Error(t, cmd.Run())
	var report struct {
		OK    bool
		Files []struct {
			Components []struct {
				Line     int
				Name     string
				Findings []struct{ Test, Status, Text, Fix string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report), out.String())
	assert.False(t, report.OK)
	input := report.Files[0].Components[0]
	assert.Equal(t, 2, input.Line)
	assert.Equal(t, "failed", input.Findings[0].Status)
	assert.Contains(t, input.Findings[0].Fix, "create it")
}

// A folder stands for the files in it, and their variables may come from a file.
func TestCheckOfAFolder(t *testing.T) {
	s, dir := startMinIO(t), t.TempDir()
	s.bucket("source")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	queue := fmt.Sprintf("ingest_queue: { subject: w, store_dir: %q }\n", filepath.Join(dir, "queue"))
	write("enqueue.yaml", "input:\n  ingest_s3: { "+strings.Replace(s.fields("source"), secretKey, "${CHECKED_SECRET}", 1)+" }\noutput:\n  "+queue)
	write("dequeue.yml", "input:\n  "+queue+"output:\n  label: gone\n  nats_jetstream: { urls: [ 'nats://"+freeAddress(t)+"' ], subject: s }\n")
	env := write("secrets.env", "CHECKED_SECRET="+secretKey+"\n")

	out, err := exec.Command(binary, "check", "-e", env, dir).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "enqueue.yaml:2  input ingest_s3  s3://"+s.endpoint+"/source/\n  ok          list\n")
	assert.Contains(t, string(out), "dequeue.yml:4  output nats_jetstream gone\n  FAILED      connect: nats: no servers available")
	assert.Contains(t, string(out), "ingest check: 1 to fix")
	assert.NoDirExists(t, filepath.Join(dir, "queue"))

	out, err = exec.Command(binary, "check", dir).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "environment variable CHECKED_SECRET is not set")
}
