package s3

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// instant answers at once, with a body.
type instant struct{ body []byte }

func (i instant) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(i.body))}, nil
}

func send(ctx context.Context, l *limits, up, down int) error {
	var body io.Reader
	if up > 0 {
		body = bytes.NewReader(make([]byte, up))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://server/", body)
	if err != nil {
		return err
	}
	resp, err := (&limitedTransport{limits: l, next: instant{make([]byte, down)}}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// The clock of these tests is that of synctest, which waits for nothing.
func TestLimitOfBytes(t *testing.T) {
	for name, tc := range map[string]struct{ up, down int }{
		"upload":   {up: 100_000},
		"download": {down: 100_000},
		"both":     {up: 50_000, down: 50_000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				require.NoError(t, send(t.Context(), newLimits(1000, 0), tc.up, tc.down))
				// What may come in one burst, a tenth of a second, is not waited for.
				assert.InDelta(t, 100-0.1, time.Since(start).Seconds(), 0.01)
			})
		})
	}
}

func TestLimitOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, l := time.Now(), newLimits(0, 5)
		for range 51 {
			require.NoError(t, send(t.Context(), l, 10, 10))
		}
		assert.InDelta(t, 10, time.Since(start).Seconds(), 0.01)
	})
}

// Two objects that are on their way at once get on at the same speed.
func TestLimitsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1000, 0)
		var ends [2]time.Duration
		start := time.Now()
		var group sync.WaitGroup
		for i := range ends {
			group.Go(func() {
				assert.NoError(t, send(t.Context(), l, 10_000, 0))
				ends[i] = time.Since(start)
			})
		}
		group.Wait()
		assert.InDelta(t, ends[0].Seconds(), ends[1].Seconds(), 0.2)
	})
}

// A transfer that waits for its turn for longer than the timeout is no stall, and
// one that is cancelled gives its turn to the next.
func TestWaitingForTheLimitIsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(0, 1)
		require.NoError(t, send(t.Context(), l, 0, 0))
		var group sync.WaitGroup
		for range 120 {
			group.Go(func() { assert.NoError(t, send(t.Context(), l, 0, 0)) })
		}
		synctest.Wait()
		ctx, stop := ingest.WithStallTimeout(t.Context(), 10*time.Second)
		defer stop()
		start := time.Now()
		require.NoError(t, send(ctx, l, 0, 0))
		assert.InDelta(t, 121, time.Since(start).Seconds(), 0.01)
		group.Wait()

		cancelled, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		require.ErrorIs(t, send(cancelled, l, 0, 0), context.DeadlineExceeded)
		start = time.Now()
		require.NoError(t, send(t.Context(), l, 0, 0))
		assert.InDelta(t, 0.5, time.Since(start).Seconds(), 0.01)
	})
}

// Whether a server is there is asked at once, however long the queue is.
func TestProbesAreNotLimited(t *testing.T) {
	f := newFake(t, "copy")
	d := f.destination(t, "copy", "requests_per_second: 1")
	for range 1000 {
		d.limits.requests.Reserve()
	}
	ctx, cancel := context.WithTimeout(t.Context(), probeTimeout)
	defer cancel()
	require.NoError(t, d.TestConnection(ctx))
}
