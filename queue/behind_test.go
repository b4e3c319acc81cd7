package queue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func version(etag string) map[string]string { return map[string]string{"Ingest-Etag": etag} }

// A version that is listed while an older one is in work must not be missed, and no
// two workers may have one element.
func TestAnotherVersionIsQueuedBehind(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	ctx := testContext(t)
	require.NoError(t, q.Publish(ctx, element("a"), version("one")))
	older := pop(t, s)

	require.NoError(t, q.Publish(ctx, element("a"), version("two")))
	require.ErrorIs(t, q.Publish(ctx, element("a"), version("two")), ingest.ErrAlreadyQueued, "it waits already")
	require.ErrorIs(t, q.Publish(ctx, element("a"), version("three")), ingest.ErrAlreadyQueued, "it stands for every later one")
	require.Eventually(t, func() bool {
		info, err := s.consumer.Info(ctx)
		return assert.NoError(t, err) && info.NumRedelivered > 0
	}, patience, 10*time.Millisecond, "it is tried more than once")
	s.mu.Lock()
	assert.Empty(t, s.ready, "the older one is in work")
	s.mu.Unlock()

	require.NoError(t, older.Ack(ctx))
	newer := pop(t, s)
	assert.Equal(t, "a", idOf(t, newer))
	assert.Equal(t, "two", newer.Headers()["Ingest-Etag"])
	assert.Equal(t, 1, newer.Deliveries(), "it is a message of its own")
	require.ErrorIs(t, q.Publish(ctx, element("a"), version("two")), ingest.ErrAlreadyQueued)
	require.NoError(t, newer.Ack(ctx))
	require.Eventually(t, func() bool { return messages(t, q, "ingest") == 0 }, patience, 10*time.Millisecond)
}

func TestTheSameVersionIsNotQueuedBehind(t *testing.T) {
	for name, tc := range map[string]struct{ queued, listed map[string]string }{
		"the same":       {version("one"), version("one")},
		"nobody can say": {version("one"), nil},
		"neither":        {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, testConfig(t))
			require.NoError(t, q.Publish(testContext(t), element("a"), tc.queued))
			require.ErrorIs(t, q.Publish(testContext(t), element("a"), tc.listed), ingest.ErrAlreadyQueued)
			assert.EqualValues(t, 1, messages(t, q, "ingest"))
		})
	}
}

// What waited behind a message that is a dead letter by now is tried on its own.
func TestBehindADeadLetter(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	ctx := testContext(t)
	require.NoError(t, q.Publish(ctx, element("a"), nil))
	older := pop(t, s)
	require.NoError(t, q.Publish(ctx, element("a"), version("two")))
	require.NoError(t, older.Fail(ctx, ingest.Permanent(assert.AnError)))
	newer := pop(t, s)
	assert.Equal(t, "two", newer.Headers()["Ingest-Etag"])
	require.NoError(t, newer.Ack(ctx))
	assert.Len(t, deadLetters(t, q), 1)
}

// A version that waited for room, and went behind what was done by then, would take
// the room that it needs to be moved up.
func TestBehindInAFullQueue(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxMsgs = 1
	q := open(t, cfg)
	s := subscribe(t, q)
	ctx := testContext(t)
	require.NoError(t, q.Publish(ctx, element("a"), version("one")))
	older := pop(t, s)
	published := make(chan error, 1)
	go func() { published <- q.Publish(ctx, element("a"), version("two")) }()
	require.Eventually(t, q.full.on.Load, patience, time.Millisecond, "it waits for room")
	require.NoError(t, older.Ack(ctx))
	require.NoError(t, <-published)
	newer := pop(t, s)
	assert.Equal(t, "two", newer.Headers()["Ingest-Etag"])
	require.NoError(t, newer.Ack(ctx))
	assert.Zero(t, messages(t, q, "ingest"))
}

// A crash while a version is moved up leaves it behind itself, where it goes away in
// the end. Until then it stands for no other.
func TestBehindItself(t *testing.T) {
	q := open(t, testConfig(t))
	ctx := testContext(t)
	require.NoError(t, q.Publish(ctx, element("a"), version("two")))
	data, err := element("a").Marshal()
	require.NoError(t, err)
	require.NoError(t, q.publish(ctx, elementSubject(q.cfg.Subject, "a")+behindToken, data, natsHeader(version("two"))))
	require.NoError(t, q.Publish(ctx, element("a"), version("three")))
	s := subscribe(t, q)
	for _, want := range []string{"two", "three"} {
		d := pop(t, s)
		assert.Equal(t, want, d.Headers()["Ingest-Etag"])
		require.NoError(t, d.Ack(ctx))
	}
}
