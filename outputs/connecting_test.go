package outputs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
)

// outages returns what is said to be down.
func outages(t *testing.T, res *service.Resources) (all []string) {
	t.Helper()
	for _, o := range progress.Of(res).Snapshot(t.Context()).Outages {
		all = append(all, o.System+": "+o.Error)
	}
	return all
}

func resources() *service.Resources {
	res := service.MockResources()
	progress.NewTracker().Use(res)
	return res
}

func TestConnectingTellsOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := resources()
		c := newConnecting(res, &memory{location: "memory://backup/"}, 3*time.Second)
		err := errors.New("refused")
		try := func(context.Context) error { return err }
		require.ErrorContains(t, c.connect(t.Context(), try), "refused")
		assert.Equal(t, []string{"memory://backup/: refused"}, outages(t, res))
		require.ErrorIs(t, c.connected(), service.ErrNotConnected)

		err = nil
		begun := time.Now()
		require.NoError(t, c.connect(t.Context(), try))
		assert.Equal(t, 3*time.Second, time.Since(begun), "it pauses before it tries again")
		assert.Empty(t, outages(t, res))
		require.NoError(t, c.connected())
	})
}

// The engine tells a stop to the inputs only.
func TestConnectingGivesUpAtAStop(t *testing.T) {
	for name, try := range map[string]func(context.Context) error{
		"in the pause": func(context.Context) error { return errors.New("refused") },
		"in a try": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				res := resources()
				input, stop := context.WithCancel(t.Context())
				component.StopOf(res).Input().Watch(input, func() {})
				time.AfterFunc(10*time.Second, stop)

				c := newConnecting(res, newMemory(), 3*time.Second)
				begun := time.Now()
				for c.connect(t.Context(), try) != nil {
					require.LessOrEqual(t, time.Since(begun), 10*time.Second)
				}
				assert.Equal(t, 10*time.Second, time.Since(begun))
				err := c.connected()
				require.ErrorIs(t, err, context.Canceled, "the queue takes the message back")
				assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "no attempt is counted")
			})
		})
	}
}

func TestReachedTellsEachErrorOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConnecting(resources(), newMemory(), 0)
		time.AfterFunc(time.Second, func() { c.set(errors.New("refused")) })
		require.EqualError(t, c.reached(t.Context(), ""), "refused")
		time.AfterFunc(time.Second, func() { c.set(errors.New("refused")) })
		time.AfterFunc(2*time.Second, func() { c.set(nil) })
		begun := time.Now()
		require.NoError(t, c.reached(t.Context(), "refused"))
		assert.Equal(t, 2*time.Second, time.Since(begun))
	})
}
