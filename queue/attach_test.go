package queue

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func streamsOf(t *testing.T, srv *server.Server) int {
	t.Helper()
	info, err := srv.Jsz(nil)
	require.NoError(t, err)
	return info.Streams
}

func TestAttachMakesNothing(t *testing.T) {
	srv := runServer(t, nil)
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}}
	other := cfg
	other.Subject = "ingest.other"

	_, err := Attach(testContext(t), cfg, nil)
	require.ErrorIs(t, err, ErrNotFound)
	assert.Zero(t, streamsOf(t, srv))

	q := open(t, cfg)
	_, err = Attach(testContext(t), other, nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "stream ingest holds ingest.wf.>")
	assert.Equal(t, []string{"ingest.wf.>"}, streamConfig(t, q, "ingest").Subjects)

	publish(t, q, "a")
	attached, err := Attach(testContext(t), cfg, nil)
	require.NoError(t, err)
	defer attached.Close() //nolint:errcheck // the test is over
	info, err := attached.Info(testContext(t))
	require.NoError(t, err)
	assert.EqualValues(t, 1, info.Messages)
	assert.Equal(t, 1, streamsOf(t, srv), "looking makes no stream of dead letters and no bucket")
}

func TestAttachMakesNoFolder(t *testing.T) {
	cfg := testConfig(t)
	cfg.Server.StoreDir = filepath.Join(t.TempDir(), "absent")
	_, err := Attach(testContext(t), cfg, nil)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = List(testContext(t), cfg.Server)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = OpenOriginal(testContext(t), cfg.Server, "old", "old.wf", "")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = os.Stat(cfg.Server.StoreDir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The server answers a request that is not permitted with silence.
func TestMissingPermissionIsNamed(t *testing.T) {
	srv := runServer(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "all", Password: "p"},
			{Username: "some", Password: "p", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Allow: []string{"$JS.API.INFO", "$JS.API.STREAM.INFO.ingest"}},
			}},
			{Username: "none", Password: "p", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: []string{">"}},
			}},
		}
	})
	as := func(user string) Config {
		cfg := testConfig(t)
		cfg.Server = Server{URLs: []string{"nats://" + user + ":p@" + srv.Addr().String()}}
		return cfg
	}
	open(t, as("all"))
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	_, err := Attach(short(), as("none"), nil)
	require.ErrorContains(t, err, "ermissions Violation for Publish to \"$JS.API.INFO\"")

	q, err := Attach(testContext(t), as("some"), nil)
	require.NoError(t, err)
	defer q.Close() //nolint:errcheck // the test is over
	_, err = q.Info(short())
	require.ErrorContains(t, err, "ermissions Violation for Publish to \"$JS.API.CONSUMER.LIST.ingest\"")
}

func TestList(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	s := subscribe(t, q)
	bury(t, q, s, "dead")
	publish(t, q, "a", "b")
	cfg.Subject = "ingest.idle"
	publish(t, open(t, cfg), "c")
	_, err := q.conn.js.CreateStream(testContext(t), jetstream.StreamConfig{Name: "foreign", Subjects: []string{"foreign.>"}, Retention: jetstream.InterestPolicy})
	require.NoError(t, err)

	streams, err := List(testContext(t), cfg.Server)
	require.NoError(t, err)
	require.Len(t, streams, 1)
	assert.Equal(t, "ingest", streams[0].Name)
	assert.Equal(t, []string{"ingest.wf.>", "ingest.idle.>"}, streams[0].Subjects)
	assert.EqualValues(t, 3, streams[0].Messages)
	assert.EqualValues(t, 1, streams[0].DeadLetters)
	assert.NotNil(t, streams[0].Oldest)
	require.Len(t, streams[0].Consumers, 1)
	assert.Equal(t, "ingest.wf", streams[0].Consumers[0].Subject)
	assert.Empty(t, streams[0].Warnings)
}
