package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func attempt(t *testing.T, d ingest.Delivery) int {
	t.Helper()
	n, err := d.Attempt(testContext(t))
	require.NoError(t, err)
	return n
}

func TestRetryBudget(t *testing.T) {
	q := open(t, testConfig(t))
	publish(t, q, "a")
	for n := 1; n <= 3; n++ {
		// Every attempt is another worker's: the count is kept by the queue.
		s := subscribe(t, q)
		d := pop(t, s)
		// A worker that stops may be handed it once more on its way out.
		assert.GreaterOrEqual(t, d.Deliveries(), n)
		assert.Equal(t, n, attempt(t, d))
		require.NoError(t, d.Fail(testContext(t), fmt.Errorf("failure %d", n)))
		require.NoError(t, s.Close(testContext(t)))
	}
	assert.Zero(t, messages(t, q, "ingest"))
	dead := deadLetters(t, q)
	require.Len(t, dead, 1)
	assert.Equal(t, 3, dead[0].Attempts)
	assert.Equal(t, "failure 3", dead[0].Error)
}

// A server that counted would never deliver it again, and keep its subject taken.
func TestCrashOnTheLastAttempt(t *testing.T) {
	q := open(t, testConfig(t))
	publish(t, q, "a")
	crashing := open(t, q.cfg)
	s := subscribe(t, crashing)
	for range q.cfg.MaxAttempts - 1 {
		require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("again")))
	}
	assert.Equal(t, q.cfg.MaxAttempts, attempt(t, pop(t, s)))
	crashing.conn.nc.Close()

	d := pop(t, subscribe(t, q))
	assert.Equal(t, q.cfg.MaxAttempts, attempt(t, d))
	require.NoError(t, d.Fail(testContext(t), errors.New("for good")))
	dead := deadLetters(t, q)
	require.Len(t, dead, 1)
	assert.Equal(t, "for good", dead[0].Error)
}

// Messages that wait for their next attempt count as taken at the server.
func TestDelayedRetriesStarveNobody(t *testing.T) {
	cfg := testConfig(t)
	cfg.Prefetch = DefaultPrefetch
	cfg.BackoffMin, cfg.BackoffMax = time.Hour, time.Hour
	q := open(t, cfg)
	s := subscribe(t, q)
	const bad = 10 * DefaultPrefetch
	for i := range bad {
		publish(t, q, fmt.Sprint("bad ", i))
	}
	publish(t, q, "good")
	for range bad {
		require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("wait")))
	}
	assert.Equal(t, "good", idOf(t, pop(t, s)))
}

func TestNoBudgetNeverBuries(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxAttempts = 0
	cfg.BackoffMin, cfg.BackoffMax = time.Millisecond, time.Millisecond
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a")
	for n := 1; n <= 10; n++ {
		d := pop(t, s)
		assert.Equal(t, n, attempt(t, d))
		require.NoError(t, d.Fail(testContext(t), errors.New("again")))
	}
	assert.Empty(t, deadLetters(t, q))
}

func TestAckForgetsTheAttempts(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("once")))
	d := pop(t, s)
	require.Equal(t, 2, attempt(t, d))
	require.NoError(t, d.Ack(testContext(t)))
	// Not even a mark stays in the place of the count.
	info, err := s.attempts.stream.Info(testContext(t))
	require.NoError(t, err)
	assert.Zero(t, info.State.Msgs)
}

func TestFailedAttemptsWaitLongerEachTime(t *testing.T) {
	d := &Delivery{sub: &Subscription{q: &Queue{cfg: Config{BackoffMin: time.Second, BackoffMax: 5 * time.Second}}}}
	for failed, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1 << 20: 5 * time.Second,
	} {
		assert.Equal(t, want, d.delay(failed), "after %d", failed)
	}
}

func TestSettlingTwiceDoesNothing(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	d := pop(t, s)
	require.NoError(t, d.Ack(testContext(t)))
	require.NoError(t, d.Fail(testContext(t), ingest.ErrPermanent))
	require.NoError(t, d.Ack(testContext(t)))
	assert.Zero(t, messages(t, q, "ingest"))
	assert.Empty(t, deadLetters(t, q))
	require.Error(t, d.Context().Err(), "the worker is done with it")
}

func TestFailWithoutCauseAcks(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Fail(testContext(t), nil))
	assert.Zero(t, messages(t, q, "ingest"))
}

// What says nothing about the element costs it nothing.
func TestUncountedFailures(t *testing.T) {
	for name, cause := range map[string]error{
		"changed": fmt.Errorf("x: %w", ingest.ErrChanged),
		"outage":  ingest.Outage(errors.New("down")),
		"mixed":   errors.Join(errors.New("failed"), ingest.Outage(errors.New("down"))),
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, testConfig(t))
			s := subscribe(t, q)
			publish(t, q, "a")
			for range 5 {
				d := pop(t, s)
				assert.Equal(t, 1, attempt(t, d))
				require.NoError(t, d.Fail(testContext(t), cause))
			}
			d := pop(t, s)
			assert.Equal(t, 6, d.Deliveries())
			assert.Equal(t, 1, attempt(t, d))
			assert.Empty(t, deadLetters(t, q))
		})
	}
}

func TestOutagePausesConsumption(t *testing.T) {
	cfg := testConfig(t)
	cfg.BackoffMin, cfg.BackoffMax = 400*time.Millisecond, 10*time.Second
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a", "b", "c")
	first, second := pop(t, s), pop(t, s)
	start := time.Now()
	require.NoError(t, first.Fail(testContext(t), ingest.Outage(errors.New("down"))))
	require.NoError(t, second.Fail(testContext(t), ingest.Outage(errors.New("down"))))

	probe := pop(t, s)
	assert.GreaterOrEqual(t, time.Since(start), cfg.BackoffMin, "nothing is handed out in the pause")
	short, cancel := context.WithTimeout(t.Context(), cfg.BackoffMin)
	defer cancel()
	_, err := s.Pop(short, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded, "one message tries, and the others wait for it")

	require.NoError(t, probe.Ack(testContext(t)))
	for range 2 {
		require.NoError(t, pop(t, s).Ack(testContext(t)))
	}
	assert.Zero(t, messages(t, q, "ingest"))
}
