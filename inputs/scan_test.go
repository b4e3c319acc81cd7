package inputs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
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

// listing is a Lister. Errors come once each, before the element at their place.
type listing struct {
	ids    []string
	errs   map[int]error
	test   error
	resets []time.Time
	// took is how long an element takes.
	took time.Duration
	// etag is that of all elements, if it is not the usual one.
	etag string
	next int
}

func (l *listing) TestConnection(context.Context) error { return l.test }

func (l *listing) Reset(context.Context) error {
	l.resets = append(l.resets, time.Now())
	l.next = 0
	return nil
}

func (l *listing) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := l.NextObject(ctx)
	return codec, err
}

func (l *listing) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if l.took > 0 {
		<-time.After(l.took)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if err := l.errs[l.next]; err != nil {
		delete(l.errs, l.next)
		return nil, nil, err
	}
	if l.next >= len(l.ids) {
		return nil, nil, io.EOF
	}
	codec := ingest.NewCodec(l.ids[l.next], "name of "+l.ids[l.next], nil)
	l.next++
	return &codec, &ingest.Object{Len: 5, ETag: cmp.Or(l.etag, "0f")}, nil
}

func newScan(t *testing.T, l ingest.Nexter, yaml string) service.Input {
	t.Helper()
	conf, err := service.NewConfigSpec().Fields(ScanFields()...).ParseYAML(yaml, service.NewEmptyEnvironment())
	require.NoError(t, err)
	in, err := NewScan(l, conf, service.MockResources())
	require.NoError(t, err)
	// No other test can stop the timers of a bubble.
	t.Cleanup(component.TellCounters)
	return in
}

// read returns the next element, and acknowledges it.
func read(ctx context.Context, in service.Input) (string, error) {
	msg, ack, err := in.Read(ctx)
	if err != nil {
		return "", err
	}
	id, _ := msg.MetaGet(ingest.MetaID)
	return id, ack(ctx, nil)
}

func readAll(t *testing.T, in service.Input, n int) []string {
	t.Helper()
	var ids []string
	for range n {
		id, err := read(t.Context(), in)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

func TestScanEndsAtTheEnd(t *testing.T) {
	in := newScan(t, &listing{ids: []string{"a", "b"}}, "")
	require.NoError(t, in.Connect(t.Context()))
	assert.Equal(t, []string{"a", "b"}, readAll(t, in, 2))
	_, err := read(t.Context(), in)
	require.ErrorIs(t, err, service.ErrEndOfInput)
}

func TestScanMessage(t *testing.T) {
	in := newScan(t, &listing{ids: []string{"a"}}, "")
	msg, ack, err := in.Read(t.Context())
	require.NoError(t, err)
	data, err := msg.AsBytes()
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"a","name":"name of a","meta":null}`, string(data))
	for key, want := range map[string]string{
		ingest.MetaID: "a", ingest.MetaName: "name of a", ingest.MetaSize: "5", ingest.MetaETag: "0f",
	} {
		got, _ := msg.MetaGet(key)
		assert.Equal(t, want, got, key)
	}
	require.NoError(t, ack(t.Context(), nil))
}

func TestScanSendsAgainWhatWasNotQueued(t *testing.T) {
	in := newScan(t, &listing{ids: []string{"a", "b"}}, "")
	_, ack, err := in.Read(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), errors.New("the queue is down")))
	var ids []string
	for {
		id, err := read(t.Context(), in)
		if errors.Is(err, service.ErrEndOfInput) {
			break
		}
		require.NoError(t, err)
		ids = append(ids, id)
	}
	assert.ElementsMatch(t, []string{"a", "b"}, ids)
}

func TestScanRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listing{ids: []string{"a", "b"}}
		in := newScan(t, l, "interval: 1m")
		start := time.Now()
		assert.Equal(t, []string{"a", "b", "a", "b", "a", "b"}, readAll(t, in, 6))
		assert.Equal(t, 2*time.Minute, time.Since(start), "from the start of one to the start of the next")
	})
}

func TestScansNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listing{ids: []string{"a", "b"}, took: time.Minute}
		in := newScan(t, l, "interval: 10s")
		assert.Equal(t, []string{"a", "b", "a"}, readAll(t, in, 3))
		require.Len(t, l.resets, 2)
		assert.Equal(t, 3*time.Minute, l.resets[1].Sub(l.resets[0]), "a slow scan is finished, and the next begins at once")
	})
}

func TestScanGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listing{ids: []string{"a", "b"}, errs: map[int]error{
			0: ingest.Outage(errors.New("down")), 1: errors.New("hiccup"), 2: errors.New("not the end"),
		}}
		in := newScan(t, l, "")
		assert.Equal(t, []string{"a", "b"}, readAll(t, in, 2))
		_, err := read(t.Context(), in)
		require.ErrorIs(t, err, service.ErrEndOfInput)
		assert.Empty(t, l.errs, "every error was seen")
		assert.Len(t, l.resets, 1, "an error does not start over")
	})
}

// failures counts what is recorded while f runs.
func failures(f func()) int64 {
	before, _ := progress.Process.Failures()
	f()
	after, _ := progress.Process.Failures()
	return after - before
}

func TestScanLeavesOutWhatCannotBeQueued(t *testing.T) {
	in := newScan(t, &listing{ids: []string{"a", "b\xff", "", "c"}}, "")
	n := failures(func() {
		assert.Equal(t, []string{"a", "c"}, readAll(t, in, 2))
		_, err := read(t.Context(), in)
		require.ErrorIs(t, err, service.ErrEndOfInput)
	})
	assert.EqualValues(t, 2, n, "the run fails in the end")
}

// A server that says too much of an object is no reason to fill the queue, or to try for
// ever to put into it what it does not take.
func TestScanLeavesOutWhatSaysTooMuch(t *testing.T) {
	l := &listing{ids: []string{"a", "b"}, etag: strings.Repeat("e", maxDescribed)}
	in := newScan(t, l, "")
	assert.Equal(t, []string{"a"}, readAll(t, in, 1))
	l.etag += "e"
	assert.EqualValues(t, 1, failures(func() {
		_, err := read(t.Context(), in)
		require.ErrorIs(t, err, service.ErrEndOfInput)
	}))
}

func TestScanLeavesOutWhatCannotBeListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listing{ids: []string{"a", "b"}, errs: map[int]error{1: ingest.LeftOut(ingest.Misconfigured(errors.New("denied")))}}
		in := newScan(t, l, "")
		begun := time.Now()
		assert.EqualValues(t, 1, failures(func() {
			assert.Equal(t, []string{"a", "b"}, readAll(t, in, 2))
			_, err := read(t.Context(), in)
			require.ErrorIs(t, err, service.ErrEndOfInput)
		}), "the run fails in the end")
		assert.Zero(t, time.Since(begun), "nothing is waited for")
	})
}

func TestScanThatIsMisconfigured(t *testing.T) {
	wrong := ingest.Misconfigured(errors.New("no such bucket"))
	t.Run("ends where it runs once, in Connect", func(t *testing.T) {
		in := newScan(t, &listing{test: wrong}, "")
		assert.EqualValues(t, 1, failures(func() {
			require.ErrorIs(t, in.Connect(t.Context()), service.ErrEndOfInput)
		}))
	})
	t.Run("ends where it runs once, in a listing", func(t *testing.T) {
		in := newScan(t, &listing{ids: []string{"a"}, errs: map[int]error{0: wrong}}, "")
		assert.EqualValues(t, 1, failures(func() {
			_, err := read(t.Context(), in)
			require.ErrorIs(t, err, service.ErrEndOfInput)
		}))
	})
	t.Run("waits where it is repeated", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := &listing{ids: []string{"a"}, errs: map[int]error{0: wrong}, test: wrong}
			in := newScan(t, l, "interval: 1m")
			assert.Zero(t, failures(func() {
				require.ErrorContains(t, in.Connect(t.Context()), "no such bucket")
				l.test = nil
				require.NoError(t, in.Connect(t.Context()))
				assert.Equal(t, []string{"a"}, readAll(t, in, 1))
			}))
		})
	})
}

func TestScanReadEndsWithItsContext(t *testing.T) {
	in := newScan(t, &listing{ids: []string{"a"}}, "interval: 1h")
	readAll(t, in, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := read(ctx, in)
		assert.ErrorIs(t, err, context.Canceled)
	})
	cancel()
	wg.Wait()
}

// slowly is a Nexter that takes its time to heed the end of its context.
type slowly struct {
	listing
	begun            chan struct{}
	busy, interfered bool
}

func (s *slowly) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	s.busy = true
	close(s.begun)
	<-ctx.Done()
	time.Sleep(100 * time.Millisecond) // its time
	s.busy = false
	return nil, nil, ctx.Err()
}

func (s *slowly) Close() error {
	s.interfered = s.busy
	return nil
}

// An engine without any time left closes while the Nexter is in use.
func TestScanClosesOnceTheNexterIsIdle(t *testing.T) {
	s := &slowly{begun: make(chan struct{})}
	in := newScan(t, s, "")
	ctx, cancel := context.WithCancel(t.Context())
	go read(ctx, in) //nolint:errcheck // it is cancelled
	<-s.begun
	cancel()
	require.NoError(t, in.Close(ctx))
	assert.False(t, s.interfered)
}

func TestScanInterval(t *testing.T) {
	linter := service.NewEmptyEnvironment()
	require.NoError(t, linter.RegisterInput("scan", service.NewConfigSpec().Fields(ScanFields()...),
		func(conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
			return NewScan(&listing{}, conf, res)
		}))
	for interval, good := range map[string]bool{
		"": true, "300s": true, "1h30m": true, "1.5m": true,
		"5": false, "0s": false, "-1s": false, "often": false, "1 m": false,
	} {
		t.Run(interval, func(t *testing.T) {
			conf, err := service.NewConfigSpec().Fields(ScanFields()...).ParseYAML(fmt.Sprintf("interval: %q", interval), nil)
			require.NoError(t, err)
			_, err = NewScan(&listing{}, conf, service.MockResources())
			if good {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "field interval")
			}
			// 0s has the form of a duration, which is all that the lint looks at.
			lints, err := linter.NewComponentConfigLinter().LintInputYAML([]byte(fmt.Sprintf("scan: { interval: %q }", interval)))
			require.NoError(t, err)
			assert.Equal(t, good || interval == "0s", len(lints) == 0, "%v", lints)
		})
	}
}
