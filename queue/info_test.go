package queue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func infoOf(t *testing.T, q *Queue) *Info {
	t.Helper()
	info, err := q.Info(testContext(t))
	require.NoError(t, err)
	return info
}

// stopPulling returns when the server hands out nothing more. A pull may still have
// been on its way when it was stopped, and not be seen yet.
func stopPulling(t *testing.T, q *Queue, s *Subscription) {
	t.Helper()
	s.Drain()
	stopped := time.Now()
	require.Eventually(t, func() bool {
		return time.Since(stopped) > pullExpiry && infoOf(t, q).Consumer.Pulls == 0
	}, patience, 10*time.Millisecond)
}

func TestInfoIsThatOfTheWorkflow(t *testing.T) {
	cfg := testConfig(t)
	cfg.BackoffMin, cfg.BackoffMax = time.Hour, time.Hour
	q := open(t, cfg)
	cfg.Subject = "ingest.other"
	other := open(t, cfg)
	publish(t, other, "a", "b")
	bury(t, other, subscribe(t, other), "dead") // it pops one of the others, too
	s := subscribe(t, q)
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("no")))
	stopPulling(t, q, s)
	publish(t, q, "b", "c")

	var info *Info
	require.Eventually(t, func() bool {
		info = infoOf(t, q)
		return info.Consumer.Pending == 2
	}, patience, 10*time.Millisecond)
	assert.EqualValues(t, 3, info.Messages)
	assert.Equal(t, 1, info.Consumer.InFlight)
	assert.Zero(t, info.DeadLetters)
	assert.EqualValues(t, 1, info.Stream.DeadLetters)
	assert.EqualValues(t, 5, info.Stream.Messages)
	assert.WithinDuration(t, time.Now(), *info.Oldest, time.Minute)
	assert.Empty(t, info.Warnings)
}

func TestInfoWarns(t *testing.T) {
	for name, tc := range map[string]struct {
		stream   func(*jetstream.StreamConfig)
		consumer *jetstream.ConsumerConfig
		says     string
	}{
		"no consumer": {nil, nil, "there is no consumer"},
		"retention":   {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, nil, "retention is Interest and must be WorkQueue"},
		"expires":     {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, nil, "max_age is 1h0m0s and must be 0s"},
		"no limit a subject": {func(c *jetstream.StreamConfig) {
			c.MaxMsgsPerSubject, c.DiscardNewPerSubject = -1, false
		}, nil, "max_msgs_per_subject is -1 and must be 1"},
		"memory":      {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, nil, "is in memory"},
		"full":        {func(c *jetstream.StreamConfig) { c.MaxMsgs = 1 }, nil, "is full"},
		"max_deliver": {nil, &jetstream.ConsumerConfig{Durable: "ingest__wf", MaxDeliver: 3}, "max_deliver is 3 and must be -1"},
		"other name":  {nil, &jetstream.ConsumerConfig{Durable: "other"}, "the consumer is other, not ingest__wf as configured"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			base := open(t, Config{Server: cfg.Server, Stream: "base", Subject: "base"})
			stream := cfg.streamConfig()
			if tc.stream != nil {
				tc.stream(&stream)
			}
			_, err := base.conn.js.CreateStream(testContext(t), stream)
			require.NoError(t, err)
			if tc.consumer != nil {
				tc.consumer.FilterSubject, tc.consumer.AckPolicy = cfg.filter(), jetstream.AckExplicitPolicy
				_, err = base.conn.js.CreateConsumer(testContext(t), cfg.Stream, *tc.consumer)
				require.NoError(t, err)
			}
			_, err = base.conn.js.Publish(testContext(t), elementSubject(cfg.Subject, "a"), []byte("x"))
			require.NoError(t, err)

			q, err := Attach(testContext(t), cfg, nil)
			require.NoError(t, err)
			defer q.Close() //nolint:errcheck // the test is over
			warnings := infoOf(t, q).Warnings
			assert.Contains(t, strings.Join(warnings, "\n"), tc.says)
		})
	}
}

func TestInfoWarnsOfAFullConsumer(t *testing.T) {
	cfg := testConfig(t)
	cfg.Prefetch, cfg.MaxAckPending = 1, 2
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a", "b", "c")
	pop(t, s)
	pop(t, s)
	assert.Contains(t, infoOf(t, q).Warnings, "consumer ingest__wf: max_ack_pending (2) is reached: nothing more is handed out until messages in flight are done")
}

func TestPeek(t *testing.T) {
	cfg := testConfig(t)
	cfg.Prefetch, cfg.BackoffMin, cfg.BackoffMax = 1, time.Hour, time.Hour
	q := open(t, cfg)
	require.NoError(t, q.Publish(testContext(t), element("failed"), map[string]string{"Ingest-Size": "5"}))
	peek := func(n int) (all []*Message) {
		require.NoError(t, q.Peek(testContext(t), n, func(m *Message) error {
			all = append(all, m)
			return nil
		}))
		return all
	}
	require.Len(t, peek(10), 1, "without a consumer")
	s := subscribe(t, q)
	d := pop(t, s)
	// The count is looked up only where there was a delivery before.
	require.NoError(t, s.attempts.set(testContext(t), d.(*Delivery).identity(), 2))
	stopPulling(t, q, s)
	publish(t, q, "a")
	_, err := q.conn.js.Publish(testContext(t), "ingest.wf.garbage", []byte("garbage"))
	require.NoError(t, err)
	publish(t, q, "b")
	other := cfg
	other.Subject = "ingest.other"
	publish(t, open(t, other), "c")

	all := peek(10)
	require.Len(t, all, 4)
	assert.Equal(t, []any{"failed", true, 2, "5"}, []any{all[0].ID, all[0].InFlight, all[0].Attempts, all[0].Headers.Get("Ingest-Size")})
	assert.Len(t, all[0].Headers, 1, "none of the server's")
	assert.Equal(t, []any{"a", false, 0}, []any{all[1].ID, all[1].InFlight, all[1].Attempts})
	assert.Equal(t, []any{"", "garbage"}, []any{all[2].ID, string(all[2].Data)})
	assert.WithinDuration(t, time.Now(), all[3].QueuedAt, time.Minute)
	assert.Len(t, peek(2), 2)
	stop := errors.New("stop")
	require.ErrorIs(t, q.Peek(testContext(t), 9, func(*Message) error { return stop }), stop)
	assert.EqualValues(t, 4, infoOf(t, q).Messages, "nothing is consumed")
}
