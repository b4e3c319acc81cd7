package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestCircuitPauseDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(time.Second, 5*time.Second, nil, func(error) {})
		probe, err := c.wait(t.Context())
		require.NoError(t, err)
		require.False(t, probe, "it is closed to begin with")
		for _, want := range []time.Duration{1, 2, 4, 5, 5} {
			start := time.Now()
			assert.Equal(t, want*time.Second, c.trip(ingest.ErrOutage))
			probe, err = c.wait(t.Context())
			require.NoError(t, err)
			assert.True(t, probe)
			assert.Equal(t, want*time.Second, time.Since(start))
		}
		c.succeed()
		probe, err = c.wait(t.Context())
		require.NoError(t, err)
		assert.False(t, probe)
		assert.Equal(t, time.Second, c.trip(ingest.ErrOutage), "the next outage begins anew")
	})
}

func TestCircuitTakesFailuresOfOneTimeForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(4*time.Second, time.Minute, nil, func(error) {})
		assert.Equal(t, 4*time.Second, c.trip(ingest.ErrOutage))
		<-time.After(time.Second)
		assert.Equal(t, 3*time.Second, c.trip(ingest.ErrOutage))
	})
}

func TestCircuitLetsOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(time.Second, time.Minute, nil, func(error) {})
		c.trip(ingest.ErrOutage)
		probe, err := c.wait(t.Context())
		require.NoError(t, err)
		require.True(t, probe)

		second := make(chan bool, 1)
		go func() {
			probe, err := c.wait(t.Context())
			assert.NoError(t, err)
			second <- probe
		}()
		synctest.Wait()
		require.Empty(t, second)
		c.abandon()
		assert.True(t, <-second, "whoever waits tries in its place")
	})
}

func TestCircuitWaitEndsWithItsContext(t *testing.T) {
	c := newCircuit(time.Hour, time.Hour, nil, func(error) {})
	c.trip(ingest.ErrOutage)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
