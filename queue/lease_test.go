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

func TestCancelledCountsUnlessStopping(t *testing.T) {
	cancelled := fmt.Errorf("x: %w", context.Canceled)
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Fail(testContext(t), cancelled))
	d := pop(t, s)
	assert.Equal(t, 2, attempt(t, d), "a library that says so while nothing is stopped would be tried for ever")
	s.Drain()
	require.NoError(t, d.Fail(testContext(t), cancelled))
	require.NoError(t, s.Close(testContext(t)))
	assert.Equal(t, 2, attempt(t, pop(t, subscribe(t, q))))
}

// A try in an outage whose acknowledgement fails must not be the last.
func TestCircuitSurvivesAFailedAck(t *testing.T) {
	cfg := testConfig(t)
	cfg.BackoffMin, cfg.BackoffMax = time.Millisecond, time.Millisecond
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a")
	publish(t, q, "b")
	require.NoError(t, pop(t, s).Fail(testContext(t), ingest.Outage(errors.New("down"))))
	try := pop(t, s)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, try.Ack(over))
	pop(t, s)
}

// After a pause of the whole process the server would confirm a lease that is
// another worker's by now.
func TestOverdueLeasesAreNotExtended(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a")
	d := pop(t, s).(*Delivery)
	d.aliveAt.Store(time.Now().Add(-time.Hour).UnixNano())
	s.beat(30 * time.Second)
	require.ErrorIs(t, context.Cause(d.Context()), ErrLeaseLost)
	// What it says now would be said of the other worker's attempt.
	require.NoError(t, d.Ack(testContext(t)))
	assert.EqualValues(t, 1, messages(t, q, "ingest"))
}

// An acknowledgement that waits for the connection must not arrive when the message
// is another worker's.
func TestNothingIsSaidLate(t *testing.T) {
	srv := runServer(t, nil)
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}}
	q := open(t, cfg)
	publish(t, q, "a")
	late := pop(t, subscribe(t, q))
	other := subscribe(t, open(t, cfg))
	id, err := q.conn.nc.GetClientID()
	require.NoError(t, err)
	require.NoError(t, srv.DisconnectClientByID(id))
	require.Eventually(t, func() bool { return !q.conn.nc.IsConnected() }, patience, time.Millisecond)
	said := make(chan error, 1)
	go func() { said <- late.Ack(context.Background()) }()

	d := pop(t, other)
	require.Eventually(t, q.conn.nc.IsConnected, patience, time.Millisecond)
	require.NoError(t, q.conn.nc.Flush())
	require.NoError(t, <-said)
	assert.EqualValues(t, 1, messages(t, q, "ingest"))
	require.NoError(t, d.Ack(testContext(t)))
	assert.Zero(t, messages(t, q, "ingest"))
}

// A message that is acknowledged between two signs of life must not void those of
// the others.
func TestHeartbeatSkipsWhatIsSettled(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	var held []*Delivery
	for _, id := range []string{"a", "b", "c"} {
		publish(t, q, id)
		held = append(held, pop(t, s).(*Delivery))
	}
	require.NoError(t, held[0].Ack(testContext(t)))
	assert.True(t, s.confirmAlive(held, 5*time.Second))
}

// A stream that was removed counts from one again, while its dead letters stay.
func TestDeadLettersOfAStreamMadeAnew(t *testing.T) {
	q := open(t, testConfig(t))
	bury := func(id string) {
		s := subscribe(t, q)
		publish(t, q, id)
		require.NoError(t, pop(t, s).Fail(testContext(t), ingest.Permanent(errors.New("never"))))
		require.NoError(t, s.Close(testContext(t)))
	}
	bury("a")
	require.NoError(t, q.conn.js.DeleteStream(testContext(t), q.cfg.Stream))
	_, err := provisionStream(testContext(t), q.conn.js, &q.cfg)
	require.NoError(t, err)
	bury("b")
	assert.Len(t, deadLetters(t, q), 2)
}

func TestURLsInErrorsHoldNoPassword(t *testing.T) {
	cfg := testConfig(t)
	cfg.Server.URLs = []string{"nats://user:pa%zzword@localhost"}
	err := cfg.Validate()
	require.ErrorContains(t, err, "field urls: item 0 is no URL")
	assert.NotContains(t, err.Error(), "zzword")
}
