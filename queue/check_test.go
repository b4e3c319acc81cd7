package queue

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ingest-bundle/ingest/internal/finding"
)

// checked checks as the user, and returns what was found by test.
func checked(t *testing.T, cfg Config, consumes bool, user string) map[string]finding.Finding {
	t.Helper()
	if user != "" {
		cfg.Server.Auth = []nats.Option{nats.UserInfo(user, "p")}
	}
	found := map[string]finding.Finding{}
	for _, f := range Check(testContext(t), cfg, consumes) {
		found[f.Test] = f
	}
	return found
}

// usersServer has a user who may do all, and others who are denied something.
func usersServer(t *testing.T, denied map[string]string) *server.Server {
	t.Helper()
	users := []*server.User{{Username: "all", Password: "p"}}
	for name, subject := range denied {
		users = append(users, &server.User{Username: name, Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{subject}},
		}})
	}
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Users: users})
	require.NoError(t, err)
	go srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(patience))
	return srv
}

func TestCheckNamesWhatIsNotPermitted(t *testing.T) {
	srv := usersServer(t, map[string]string{
		"no-info":     "$JS.API.INFO",
		"no-look":     "$JS.API.STREAM.INFO.>",
		"no-create":   "$JS.API.STREAM.CREATE.>",
		"no-update":   "$JS.API.STREAM.UPDATE.>",
		"no-consumer": "$JS.API.CONSUMER.CREATE.>",
		"no-publish":  "ingest.>",
	})
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}}
	as := func(user string) Config {
		c := cfg
		c.Server.Auth = []nats.Option{nats.UserInfo(user, "p")}
		return c
	}

	for _, test := range []string{"connect", "stream ingest", "dead letters", "attempts"} {
		assert.Equal(t, finding.OK, checked(t, cfg, true, "all")[test].Status, test)
	}
	for test, user := range map[string]string{"connect": "no-info", "stream ingest": "no-create"} {
		f := checked(t, cfg, true, user)[test]
		assert.Equal(t, finding.Failed, f.Status, test)
		assert.Contains(t, f.Text, "$JS.API", test)
		assert.Contains(t, f.Mend, "grant this", test)
	}
	q := open(t, as("all"))
	conn := q.conn
	require.Equal(t, []string{"ingest"}, streamNames(t, conn), "the checks created none")

	other := cfg
	other.Subject = "ingest.other"
	for _, c := range []struct {
		user, test string
		cfg        Config
		consumes   bool
	}{
		{"no-look", "stream ingest", cfg, true},
		{"no-update", "stream ingest", other, false},
		{"no-consumer", "consumer ingest__wf", cfg, true},
		{"no-create", "dead letters", cfg, true},
		{"no-publish", "publish", cfg, false},
	} {
		f := checked(t, c.cfg, c.consumes, c.user)[c.test]
		assert.Equal(t, finding.Failed, f.Status, c.user)
		assert.Contains(t, f.Text, "Permissions Violation", c.user)
		assert.Equal(t, finding.OK, checked(t, c.cfg, c.consumes, "all")[c.test].Status, c.test)
	}
	assert.Equal(t, []string{"ingest"}, streamNames(t, conn))
	stream, err := conn.js.Stream(testContext(t), "ingest")
	require.NoError(t, err)
	assert.Equal(t, []string{"ingest.wf.>"}, stream.CachedInfo().Config.Subjects)
	assert.Zero(t, stream.CachedInfo().State.LastSeq, "nothing was published")
	assert.Zero(t, stream.CachedInfo().State.Consumers)
}

func streamNames(t *testing.T, conn *connection) (names []string) {
	t.Helper()
	list := conn.js.StreamNames(testContext(t))
	for name := range list.Name() {
		names = append(names, name)
	}
	require.NoError(t, list.Err())
	return names
}

func TestCheckComparesTheConsumer(t *testing.T) {
	srv := usersServer(t, nil)
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}, Auth: []nats.Option{nats.UserInfo("all", "p")}}
	q := open(t, cfg)
	subscribe(t, q)
	require.Equal(t, finding.OK, checked(t, cfg, true, "")["consumer ingest__wf"].Status)

	cfg.AckWait = time.Minute
	f := checked(t, cfg, true, "")["consumer ingest__wf"]
	assert.Equal(t, finding.Note, f.Status)
	assert.Contains(t, f.Text, "ack_wait from 1s to 1m0s")

	cfg.Consumer = "pushed"
	// Two consumers of a work queue may not share a subject.
	require.NoError(t, q.conn.js.DeleteConsumer(testContext(t), "ingest", "ingest__wf"))
	_, err := q.conn.js.CreateOrUpdatePushConsumer(testContext(t), "ingest", jetstream.ConsumerConfig{
		Durable: "pushed", FilterSubject: "ingest.wf.>", DeliverSubject: "d", AckPolicy: jetstream.AckExplicitPolicy,
	})
	require.NoError(t, err)
	f = checked(t, cfg, true, "")["consumer pushed"]
	assert.Equal(t, finding.Failed, f.Status)
	assert.Contains(t, f.Mend, "nats consumer rm ingest pushed")
}

func TestCheckOfTheAccountsLimit(t *testing.T) {
	srv := usersServer(t, nil)
	require.NoError(t, srv.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{
		"": {MaxMemory: -1, MaxStore: -1, MaxStreams: 1, MaxConsumers: -1},
	}))
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}, Auth: []nats.Option{nats.UserInfo("all", "p")}}
	conn, err := connect(testContext(t), cfg.Server, nil)
	require.NoError(t, err)
	t.Cleanup(conn.close)
	_, err = conn.js.CreateStream(testContext(t), jetstream.StreamConfig{Name: "only", Subjects: []string{"only"}})
	require.NoError(t, err)
	f := checked(t, cfg, false, "")["stream ingest"]
	assert.Equal(t, finding.Failed, f.Status)
	assert.Contains(t, f.Mend, "raise the account's limit")
}

func TestCheckOfAFolder(t *testing.T) {
	cfg := testConfig(t)
	only := func() finding.Finding {
		t.Helper()
		found := Check(testContext(t), cfg, true)
		require.Len(t, found, 1)
		return found[0]
	}
	dir := t.TempDir()
	cfg.Server.StoreDir = filepath.Join(dir, "a", "b")
	assert.Equal(t, finding.OK, only().Status)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing was created")

	q := open(t, cfg)
	assert.Equal(t, finding.Failed, only().Status)
	assert.Contains(t, only().Text, "in use by another process")
	require.NoError(t, q.Close())
	assert.Equal(t, finding.OK, only().Status)
	// Pipelines that share a folder are checked at once.
	var checks errgroup.Group
	for range 2000 {
		checks.Go(func() error {
			if found := Check(t.Context(), cfg, true); found[0].Status != finding.OK {
				return errors.New(found[0].Text)
			}
			return nil
		})
	}
	require.NoError(t, checks.Wait())

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg.Server.StoreDir = filepath.Join(file, "queue")
	assert.Equal(t, finding.Failed, only().Status)
	assert.Contains(t, only().Mend, "set field store_dir to another folder")
}
