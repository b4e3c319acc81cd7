package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// original makes what the original ingest makes, as it makes it, and fills it.
func original(t *testing.T, server Server, ids ...string) nats.JetStreamContext {
	t.Helper()
	conn, err := connect(testContext(t), server, nil)
	require.NoError(t, err)
	t.Cleanup(conn.close)
	js, err := conn.nc.JetStream()
	require.NoError(t, err)
	_, err = js.AddStream(&nats.StreamConfig{Name: "old", Subjects: []string{"old.*"}, Retention: nats.InterestPolicy})
	require.NoError(t, err)
	_, err = js.AddConsumer("old", &nats.ConsumerConfig{
		Durable: "old__wf", FilterSubject: "old.wf", AckPolicy: nats.AckExplicitPolicy, AckWait: 2 * time.Second,
	})
	require.NoError(t, err)
	for _, id := range ids {
		data, err := json.Marshal(map[string]any{"id": id, "name": "name of " + id, "meta": []byte("m")})
		require.NoError(t, err)
		_, err = js.Publish("old.wf", data)
		require.NoError(t, err)
	}
	return js
}

func openOriginal(t *testing.T, server Server) *Original {
	t.Helper()
	o, err := OpenOriginal(testContext(t), server, "old", "old.wf", "")
	require.NoError(t, err)
	t.Cleanup(o.Close)
	return o
}

func quiet(Moved) {}

func idsIn(t *testing.T, q *Queue) (ids []string) {
	t.Helper()
	require.NoError(t, q.Peek(testContext(t), 10_000, func(m *Message) error {
		ids = append(ids, m.ID)
		return nil
	}))
	return ids
}

func TestMigrate(t *testing.T) {
	cfg := testConfig(t)
	js := original(t, cfg.Server, "done", "held", "b", "c", "b")
	// A worker has done one, and died with another.
	sub, err := js.PullSubscribe("old.wf", "old__wf", nats.BindStream("old"))
	require.NoError(t, err)
	msgs, err := sub.Fetch(2, nats.MaxWait(patience))
	require.NoError(t, err)
	require.Len(t, msgs, 2)
	require.NoError(t, msgs[0].AckSync())

	// The server tells the consumer a little later.
	var o *Original
	require.Eventually(t, func() bool {
		o = openOriginal(t, cfg.Server)
		pending, unacknowledged := o.Waiting()
		return pending == 3 && unacknowledged == 1
	}, patience, 50*time.Millisecond)
	q := open(t, cfg)
	publish(t, q, "c")
	// The command has no deadline.
	m, err := o.MoveTo(t.Context(), q, quiet)
	require.NoError(t, err)
	assert.Equal(t, Moved{Queued: 2, AlreadyQueued: 2}, m)
	assert.ElementsMatch(t, []string{"held", "b", "c"}, idsIn(t, q))
	assert.Zero(t, messages(t, q, "old"))
	require.NoError(t, q.Peek(testContext(t), 1, func(m *Message) error {
		assert.Equal(t, elementSubject("ingest.wf", m.ID), m.Subject)
		return nil
	}))

	info, err := js.StreamInfo("old")
	require.NoError(t, err)
	assert.Equal(t, nats.InterestPolicy, info.Config.Retention, "the old stream is as it was")
	assert.Equal(t, 1, info.State.Consumers)
	m, err = openOriginal(t, cfg.Server).MoveTo(testContext(t), q, quiet)
	require.NoError(t, err)
	assert.Equal(t, Moved{}, m, "there is nothing left")
}

func TestMigrateLeavesWhatIsNoElement(t *testing.T) {
	cfg := testConfig(t)
	js := original(t, cfg.Server, "a", "b")
	for range 3 {
		_, err := js.Publish("old.wf", []byte("garbage"))
		require.NoError(t, err)
	}
	q := open(t, cfg)
	for round := range 2 {
		m, err := openOriginal(t, cfg.Server).MoveTo(testContext(t), q, quiet)
		require.NoError(t, err)
		assert.Equal(t, 2-2*round, m.Queued)
		require.Len(t, m.Unreadable, 3, "they are found again at once")
		assert.Contains(t, m.Unreadable[0].Error, "unmarshalling codec")
	}
	assert.EqualValues(t, 3, messages(t, q, "old"))
}

func TestMigrateIsNotStuckOnWhatIsNoElement(t *testing.T) {
	cfg := testConfig(t)
	js := original(t, cfg.Server)
	_, err := js.UpdateConsumer("old", &nats.ConsumerConfig{
		Durable: "old__wf", FilterSubject: "old.wf", AckPolicy: nats.AckExplicitPolicy, AckWait: time.Minute, MaxAckPending: 2,
	})
	require.NoError(t, err)
	for range 3 {
		_, err := js.Publish("old.wf", []byte("garbage"))
		require.NoError(t, err)
	}
	_, err = openOriginal(t, cfg.Server).MoveTo(testContext(t), open(t, cfg), quiet)
	require.ErrorContains(t, err, "2 messages that are no elements fill its max_ack_pending")
}

func TestMigrateKeepsWhatCannotBeQueued(t *testing.T) {
	cfg := testConfig(t)
	original(t, cfg.Server, "a", "b", "c")
	q := open(t, cfg)
	ctx := testContext(t)
	require.NoError(t, q.conn.js.DeleteStream(ctx, "ingest"))
	_, err := q.conn.js.CreateStream(ctx, jetstream.StreamConfig{Name: "ingest", Subjects: []string{"another.>"}})
	require.NoError(t, err)
	m, err := openOriginal(t, cfg.Server).MoveTo(ctx, q, quiet)
	require.ErrorContains(t, err, "stream ingest exists with settings that could lose objects")
	assert.Equal(t, []int{0, 0}, []int{m.Queued, m.AlreadyQueued})
	assert.EqualValues(t, 3, messages(t, q, "old"))
}

// TestMigrateStoppedAnywhere stops a migration again and again, with messages of a
// batch moved, on their way and not yet taken.
func TestMigrateStoppedAnywhere(t *testing.T) {
	const n = 1000
	cfg := testConfig(t)
	cfg.MaxMsgs = n
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint(i))
	}
	original(t, cfg.Server, ids...)
	q := open(t, cfg)
	var whole, stopped int
	for whole == 0 {
		ctx, cancel := context.WithCancel(testContext(t))
		_, err := openOriginal(t, cfg.Server).MoveTo(ctx, q, func(m Moved) {
			if m.Queued > 0 {
				cancel()
			}
		})
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			stopped++
			continue
		}
		whole++
	}
	assert.Positive(t, stopped)
	assert.ElementsMatch(t, ids, idsIn(t, q))
	assert.Zero(t, messages(t, q, "old"))
}

func TestMigrateFromNothing(t *testing.T) {
	cfg := testConfig(t)
	open(t, cfg)
	_, err := OpenOriginal(testContext(t), cfg.Server, "old", "old.wf", "")
	require.ErrorIs(t, err, ErrNotFound)
	js := original(t, cfg.Server)
	for _, tc := range []struct{ subject, consumer string }{{"old.other", ""}, {"old.wf", "other"}} {
		_, err = OpenOriginal(testContext(t), cfg.Server, "old", tc.subject, tc.consumer)
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorContains(t, err, "there are: old__wf (old.wf)")
	}
	_, err = js.AddConsumer("old", &nats.ConsumerConfig{Durable: "all", FilterSubject: "old.wf", AckPolicy: nats.AckAllPolicy})
	require.NoError(t, err)
	_, err = OpenOriginal(testContext(t), cfg.Server, "old", "old.wf", "")
	require.ErrorContains(t, err, "consumer all of stream old has the ack policy AckAll")
}
