package queue

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPurgeRemovesWhatItWasToldOf(t *testing.T) {
	cfg := testConfig(t)
	cfg.BackoffMin, cfg.BackoffMax = time.Hour, time.Hour
	q := open(t, cfg)
	s := subscribe(t, q)
	cfg.Subject = "ingest.other"
	other := open(t, cfg)
	otherSub := subscribe(t, other)
	counted := func() (keys []string) {
		lister, err := s.attempts.kv.ListKeys(testContext(t))
		require.NoError(t, err)
		for key := range lister.Keys() {
			keys = append(keys, key)
		}
		return keys
	}
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("no")))
	publish(t, other, "a")
	require.NoError(t, pop(t, otherSub).Fail(testContext(t), errors.New("no")))
	require.Len(t, counted(), 2)
	info := infoOf(t, q)
	publish(t, q, "later")

	require.NoError(t, q.Purge(testContext(t), info))
	assert.EqualValues(t, 1, infoOf(t, q).Messages, "nobody was asked about the later one")
	assert.EqualValues(t, 1, infoOf(t, other).Messages, "the other workflow keeps its own")
	assert.Len(t, counted(), 1, "the count goes with the message, and only with it")
	publish(t, q, "a")
	assert.Equal(t, "later", idOf(t, pop(t, s)))
	d := pop(t, s)
	assert.Equal(t, "a", idOf(t, d), "it can be queued again")
	assert.Equal(t, 1, attempt(t, d))
}

func TestPurgeBeforeTheFirstRun(t *testing.T) {
	q := open(t, testConfig(t))
	publish(t, q, "a")
	require.NoError(t, q.Purge(testContext(t), infoOf(t, q)), "there are no counts yet")
	assert.Zero(t, messages(t, q, "ingest"))
	require.ErrorIs(t, q.PurgeDead(testContext(t), infoOf(t, q)), ErrNotFound)
}

func TestPurgeRefusesForeignStreams(t *testing.T) {
	cfg := testConfig(t)
	base := open(t, Config{Server: cfg.Server, Stream: "base", Subject: "base"})
	stream := cfg.streamConfig()
	stream.Retention = jetstream.LimitsPolicy
	_, err := base.conn.js.CreateStream(testContext(t), stream)
	require.NoError(t, err)
	_, err = base.conn.js.Publish(testContext(t), "ingest.wf.a", nil)
	require.NoError(t, err)
	q, err := Attach(testContext(t), cfg, nil)
	require.NoError(t, err)
	defer q.Close() //nolint:errcheck // the test is over
	require.ErrorContains(t, q.Purge(testContext(t), infoOf(t, q)), "retention is Limits")
	assert.EqualValues(t, 1, messages(t, q, "ingest"))
}

func TestPurgeDead(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	s := subscribe(t, q)
	bury(t, q, s, "a", "b")
	cfg.Subject = "ingest.other"
	other := open(t, cfg)
	bury(t, other, subscribe(t, other), "a")
	info := infoOf(t, q)
	bury(t, q, s, "later")
	publish(t, q, "pending")

	require.NoError(t, q.PurgeDead(testContext(t), info))
	dead := deadLetters(t, q)
	require.Len(t, dead, 1)
	assert.Equal(t, "later", dead[0].ID)
	assert.Len(t, deadLetters(t, other), 1)
	assert.EqualValues(t, 1, messages(t, q, "ingest"))
}

func TestDeadLetterByIDAndNumber(t *testing.T) {
	q := open(t, testConfig(t))
	_, err := q.DeadLetter(testContext(t), "a")
	require.ErrorIs(t, err, ErrNotFound, "there is no stream of them yet")
	bury(t, q, subscribe(t, q), "a", "b")
	d, err := q.DeadLetter(testContext(t), "b")
	require.NoError(t, err)
	assert.Equal(t, []any{"b", "no b"}, []any{d.Name, d.Error})
	same, err := q.DeadLetterAt(testContext(t), d.Sequence)
	require.NoError(t, err)
	assert.Equal(t, d, same)
	_, err = q.DeadLetter(testContext(t), "c")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = q.DeadLetterAt(testContext(t), 99)
	require.ErrorIs(t, err, ErrNotFound)
	other := q.cfg
	other.Subject = "ingest.other"
	_, err = open(t, other).DeadLetterAt(testContext(t), d.Sequence)
	require.ErrorIs(t, err, ErrNotFound, "it is another workflow's")
}
