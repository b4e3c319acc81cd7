package integration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

func exampleDeadLetters(s *stage) {
	n := startNATS(s.t)
	s.env["NATS_URL"] = n.url
	r := startReceiver(s)
	// The stream of dead letters appears when the pipeline that makes them runs.
	alert, archive := s.head("dead-letters/alert.yaml"), s.follow("dead-letters/archive.yaml")
	alerts := s.start(alert[0])
	dequeue := s.follow("s3-to-s3/dequeue.yaml")
	q, err := queue.Open(s.t.Context(), queue.Config{Server: queue.Server{URLs: []string{n.url}}, Subject: "ingest.s3-to-s3"}, nil)
	require.NoError(s.t, err)
	defer q.Close() //nolint:errcheck // it only published
	require.NoError(s.t, q.Publish(s.t.Context(), ingest.NewCodec("hopeless", "../escape", nil), nil))

	var lines string
	require.Eventually(s.t, func() bool {
		text, _ := os.ReadFile(filepath.Join(s.dir, "dead-letters.jsonl"))
		lines = string(text)
		return len(r.received()) > 0 && strings.HasSuffix(lines, "\n")
	}, time.Minute, tick)
	stopped(s.t, alerts, archive)
	dequeue.stop()
	assert.Equal(s.t, 1, dequeue.code, "something failed for good")

	var told struct{ ID, Error string }
	require.Len(s.t, r.received(), 1)
	require.NoError(s.t, json.Unmarshal(r.received()[0], &told))
	assert.Equal(s.t, "hopeless", told.ID)
	assert.Contains(s.t, told.Error, "the key cannot be stored byte for byte")
	var kept struct{ Message, Error string }
	require.NoError(s.t, json.Unmarshal([]byte(lines), &kept), lines)
	assert.JSONEq(s.t, `{"id":"hopeless","name":"../escape","meta":null}`, kept.Message)
	assert.Equal(s.t, told.Error, kept.Error)

	require.Len(s.t, alert, 3)
	assert.Contains(s.t, s.do(alert[1]), "../escape")
	s.do(alert[2])
	assert.Equal(s.t, 1, n.count(s.t, "ingest"))
	assert.Zero(s.t, n.count(s.t, "ingest_dead"))
}

func exampleNATSCluster(s *stage) {
	servers, key := startNATSCluster(s)
	objects := s.putSome()
	enqueue, dequeue := s.follow("nats-cluster/enqueue.yaml"), s.follow("nats-cluster/dequeue.yaml")
	s.moved(objects)
	stopped(s.t, enqueue)
	n := connectNATS(s.t, servers[2], key)
	// Who says nothing of replicas changes none.
	q, err := queue.Open(s.t.Context(), queue.Config{
		Server:  queue.Server{URLs: []string{n.url}, Auth: []nats.Option{key}},
		Subject: "ingest.cluster",
	}, nil)
	require.NoError(s.t, err)
	sub, err := q.Subscribe(s.t.Context())
	require.NoError(s.t, err)
	require.NoError(s.t, sub.Close(s.t.Context()))
	require.NoError(s.t, q.Close())
	for _, stream := range []string{"ingest", "ingest_dead", "KV_ingest_attempts"} {
		info, err := n.js.Stream(s.t.Context(), stream)
		require.NoError(s.t, err)
		assert.Equal(s.t, 3, info.CachedInfo().Config.Replicas, stream)
	}

	servers[0].Shutdown()
	servers[0].WaitForShutdown()
	more := small(10, "more/o")
	putAll(s.t, s.source, s.from, more)
	enqueue = s.follow("nats-cluster/enqueue.yaml")
	s.moved(append(objects, more...))
	stopped(s.t, enqueue, dequeue)
}

// startNATSCluster starts three servers that know one user, by an NKey.
func startNATSCluster(s *stage) (servers []*server.Server, user nats.Option) {
	s.t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(s.t, err)
	public, err := pair.PublicKey()
	require.NoError(s.t, err)
	seed, err := pair.Seed()
	require.NoError(s.t, err)
	s.env["NATS_NKEY_FILE"] = filepath.Join(s.dir, "user.nk")
	require.NoError(s.t, os.WriteFile(s.env["NATS_NKEY_FILE"], seed, 0o600))
	user = nats.Nkey(public, pair.Sign)

	routes := make([]*url.URL, 3)
	for i := range routes {
		routes[i] = &url.URL{Scheme: "nats", Host: freeAddress(s.t)}
	}
	var urls []string
	for i, route := range routes {
		servers = append(servers, startNATSWith(s.t, &server.Options{
			ServerName: fmt.Sprintf("nats-%d", i),
			Nkeys:      []*server.NkeyUser{{Nkey: public}},
			Cluster:    server.ClusterOpts{Name: "ingest", Host: "127.0.0.1", Port: port(s.t, route)},
			Routes:     routes,
		}))
	}
	for _, srv := range servers {
		require.Eventually(s.t, func() bool { return srv.ReadyForConnections(tick) && srv.JetStreamIsCurrent() }, startUp, tick)
		urls = append(urls, srv.ClientURL())
	}
	s.env["NATS_URL"] = strings.Join(urls, ",")
	return servers, user
}

func port(t *testing.T, u *url.URL) int {
	t.Helper()
	var n int
	_, err := fmt.Sscan(u.Port(), &n)
	require.NoError(t, err)
	return n
}
