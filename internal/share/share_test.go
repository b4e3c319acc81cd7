package share_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/share"
)

// memory makes windows of 16 KiB.
const (
	memory = 128 << 10
	window = memory / 8
	// patience is longer than anybody is waited for.
	patience = 40 * time.Second
)

func TestManyReadersOneDownload(t *testing.T) {
	for _, readers := range []int{2, 3} {
		for _, size := range []int{0, 1, 4 << 10, window - 1, window, window + 1, 20 * window} {
			for _, announced := range []int{size, -1, 1, 2*size + 1} {
				t.Run(fmt.Sprint(readers, size, announced), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						src := newSource(size)
						src.unannounced = announced == -1
						var all []*reading
						for _, c := range share.NewGroup(readers, memory).Share(src.open, int64(announced)) {
							all = append(all, start(t.Context(), c))
						}
						for _, r := range all {
							r.requireGot(t, src)
						}
						synctest.Wait()
						src.requireReadOnce(t)
					})
				})
			}
		}
	}
}

// One output asks its destination for longer than another what it has.
func TestReaderThatComesLate(t *testing.T) {
	for name, size := range map[string]int{"small": 4 << 10, "large": 20 * window} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(size)
				claims := share.NewGroup(2, memory).Share(src.open, int64(size))
				early := start(t.Context(), claims[0])
				synctest.Wait()
				assert.Equal(t, name == "large", early.running(), "what is small waits for nobody")
				start(t.Context(), claims[1]).requireGot(t, src)
				early.requireGot(t, src)
				synctest.Wait()
				src.requireReadOnce(t)
			})
		})
	}
}

// Other outputs may find their copies up to date.
func TestReaderThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(20 * window)
		claims := share.NewGroup(2, memory).Share(src.open, -1)
		r := start(t.Context(), claims[0])
		synctest.Wait()
		assert.Zero(t, src.opens.Load(), "the other one may want it")
		claims[1].Done()
		r.requireGot(t, src)
		src.requireReadOnce(t)
	})
}

// Whoever is the only one pays nothing.
func TestOnlyReader(t *testing.T) {
	src := newSource(10)
	claims := share.NewGroup(2, memory).Share(src.open, 10)
	claims[0].Done()
	obj, err := claims[1].Open(t.Context())
	require.NoError(t, err)
	assert.IsType(t, &body{}, obj.Reader)
	assert.NotNil(t, obj.Range)
	_, err = claims[1].Open(t.Context())
	require.NoError(t, err, "what opens an object twice is no concern of the others")
	assert.EqualValues(t, 2, src.opens.Load())
}

func TestFastReaderWaitsForTheSlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(20 * window)
		claims := share.NewGroup(2, memory).Share(src.open, -1)
		var stalled error
		watched, stop := ingest.WithStallTimeout(t.Context(), 5*time.Second)
		defer stop()
		fast := start(watched, claims[0])
		slow, err := claims[1].Open(t.Context())
		require.NoError(t, err)
		for read := 0; read < len(src.content); {
			n, err := slow.Reader.Read(make([]byte, window))
			require.NoError(t, err)
			read += n
			synctest.Wait()
			assert.LessOrEqual(t, int(src.bytes.Load()), read+window)
			// Slow, and not stuck.
			time.Sleep(6 * time.Second)
			if fast.running() {
				stalled = errors.Join(stalled, context.Cause(watched))
			}
		}
		require.NoError(t, stalled, "to wait for others is no stall")
		fast.requireGot(t, src)
		require.NoError(t, slow.Close())
		synctest.Wait()
		src.requireReadOnce(t)
	})
}

// A destination that hangs holds up the others for a while only, and when it goes on
// it gets the rest on its own.
func TestReaderThatHangsIsLetGo(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		t.Run(fmt.Sprint("ranges ", ranges), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(20 * window)
				src.ranges = ranges
				group := share.NewGroup(2, memory)
				claims := group.Share(src.open, -1)
				fast := start(t.Context(), claims[0])
				slow, err := claims[1].Open(t.Context())
				require.NoError(t, err)
				got := make([]byte, 5000)
				_, err = io.ReadFull(slow.Reader, got)
				require.NoError(t, err)
				time.Sleep(20 * time.Second)
				assert.True(t, fast.running(), "it is waited for")
				time.Sleep(patience - 20*time.Second)
				fast.requireGot(t, src)

				began := time.Now()
				start(t.Context(), group.Share(src.open, -1)[0]).requireGot(t, src)
				assert.Less(t, time.Since(began), patience, "it hangs already")

				rest, err := io.ReadAll(slow.Reader)
				require.NoError(t, err)
				assert.Equal(t, src.content, append(got, rest...))
				require.NoError(t, slow.Close())
				assert.EqualValues(t, map[bool]int{true: 2, false: 3}[ranges], src.opens.Load())
				assert.Equal(t, src.opens.Load()+src.ranged.Load(), src.closed.Load())
				_, err = slow.Reader.Read(got)
				require.Error(t, err, "it is closed")
			})
		})
	}
}

// An output that is down takes no messages.
func TestReaderThatIsDownIsNotWaitedForEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := share.NewGroup(2, memory)
		src := newSource(20 * window)
		began := time.Now()
		for range 10 {
			start(t.Context(), group.Share(src.open, -1)[0]).requireGot(t, src)
		}
		assert.Less(t, time.Since(began), patience)
		synctest.Wait()
	})
}

// The first to open an object is as dispensable as the others.
func TestReaderThatIsCancelled(t *testing.T) {
	for name, size := range map[string]int{"small": 4 << 10, "large": 20 * window} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(size)
				claims := share.NewGroup(3, memory).Share(src.open, int64(size))
				why := errors.New("the destination hangs")
				ctx, cancel := context.WithCancelCause(t.Context())
				first, err := openWith(t, ctx, claims[0], claims[1:]...)
				require.NoError(t, err)
				cancel(why)
				_, err = io.Copy(io.Discard, first.Reader)
				if size > window {
					require.ErrorIs(t, err, why)
				}
				require.NoError(t, first.Close())
				claims[0].Done()
				synctest.Wait()
				src.requireReadOnce(t)
			})
		})
	}
}

// openWith opens a claim while others read all.
func openWith(t *testing.T, ctx context.Context, c *share.Claim, others ...*share.Claim) (*ingest.Object, error) {
	t.Helper()
	for _, other := range others {
		r := start(t.Context(), other)
		t.Cleanup(func() {
			<-r.done
			assert.NoError(t, r.err)
		})
	}
	return c.Open(ctx)
}

// A part of an upload that failed is read again, and nobody waits for it.
func TestReaderThatReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(20 * window)
		claims := share.NewGroup(2, memory).Share(src.open, -1)
		other := start(t.Context(), claims[0])
		obj, err := claims[1].Open(t.Context())
		require.NoError(t, err)
		assert.True(t, obj.Sequential)
		first := make([]byte, window)
		_, err = io.ReadFull(obj.Reader, first)
		require.NoError(t, err)
		again, err := obj.Range(t.Context(), 0, window)
		require.NoError(t, err)
		began := time.Now()
		other.requireGot(t, src)
		assert.Zero(t, time.Since(began), "it is waited for")
		content, err := io.ReadAll(again)
		require.NoError(t, err)
		assert.Equal(t, first, content)
		rest, err := io.ReadAll(obj.Reader)
		require.NoError(t, err)
		assert.Equal(t, src.content[window:], rest)
		require.NoError(t, errors.Join(again.Close(), obj.Close()))
		assert.Equal(t, src.opens.Load()+src.ranged.Load(), src.closed.Load())
	})
}

func TestSourceThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(20 * window)
		src.fail = func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, stop := ingest.WithStallTimeout(t.Context(), time.Minute)
		defer stop()
		claims := share.NewGroup(2, memory).Share(src.open, -1)
		a, b := start(ctx, claims[0]), start(ctx, claims[1])
		<-a.done
		<-b.done
		var stall *ingest.StallError
		require.ErrorAs(t, a.err, &stall)
		require.ErrorAs(t, b.err, &stall)
		synctest.Wait()
		assert.EqualValues(t, 1, src.closed.Load(), "nobody reads it any more")
	})
}

func TestProgressAtTheSourceIsThatOfItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(window)
		src.fail = func(ctx context.Context, _ int) error {
			// As a request that is tried again.
			for range 10 {
				time.Sleep(3 * time.Second)
				ingest.Progress(ctx)
			}
			return nil
		}
		ctx, stop := ingest.WithStallTimeout(t.Context(), 10*time.Second)
		defer stop()
		claims := share.NewGroup(2, memory).Share(src.open, -1)
		a, b := start(ctx, claims[0]), start(ctx, claims[1])
		a.requireGot(t, src)
		b.requireGot(t, src)
	})
}

// What fails, fails for all that wait; who comes later looks again.
func TestSourceThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, opening := range map[string]bool{"opening": true, "reading": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(window)
				src.fail = func(_ context.Context, offset int) error {
					// Once both are there.
					time.Sleep(time.Second)
					if offset > 0 {
						return broken
					}
					return nil
				}
				open := src.open
				if opening {
					open = func(context.Context) (*ingest.Object, error) {
						src.opens.Add(1)
						time.Sleep(time.Second)
						return nil, broken
					}
				}
				claims := share.NewGroup(3, memory).Share(func(ctx context.Context) (*ingest.Object, error) { return open(ctx) }, window)
				a, b := start(t.Context(), claims[0]), start(t.Context(), claims[1])
				<-a.done
				<-b.done
				require.ErrorIs(t, a.err, broken)
				require.ErrorIs(t, b.err, broken)
				open, src.fail = src.open, nil
				start(t.Context(), claims[2]).requireGot(t, src)
				assert.EqualValues(t, 2, src.opens.Load())
			})
		})
	}
}

// A download that breaks off goes on where it was, as long as that leads anywhere.
func TestSourceThatBreaksOff(t *testing.T) {
	for name, tc := range map[string]struct {
		err error
		// times is how often reading fails at one position.
		times int
		goes  bool
	}{
		"again and again": {errors.New("broken"), 3, true},
		"for good":        {errors.New("broken"), 4, false},
		"ends early":      {io.EOF, 1, true},
		"changed":         {ingest.Changed(errors.New("broken")), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(20 * window)
				failures, last := 0, 0
				src.fail = func(_ context.Context, offset int) error {
					switch {
					case offset < last+3*window:
						return nil
					case failures < tc.times:
						failures++
						return tc.err
					}
					failures, last = 0, offset
					return nil
				}
				claims := share.NewGroup(2, memory).Share(src.open, -1)
				for _, r := range []*reading{start(t.Context(), claims[0]), start(t.Context(), claims[1])} {
					if tc.goes {
						r.requireGot(t, src)
						continue
					}
					<-r.done
					require.ErrorIs(t, r.err, tc.err)
				}
				synctest.Wait()
				assert.EqualValues(t, 1, src.opens.Load())
				assert.Equal(t, src.opens.Load()+src.ranged.Load(), src.closed.Load())
				if tc.goes {
					assert.EqualValues(t, len(src.content), src.bytes.Load(), "nothing is read twice")
				}
			})
		})
	}
}

func TestMoreThanAnnounced(t *testing.T) {
	src := newSource(10)
	claims := share.NewGroup(2, memory).Share(func(ctx context.Context) (*ingest.Object, error) {
		obj, err := src.open(ctx)
		obj.Len = 9
		return obj, err
	}, -1)
	for _, r := range []*reading{start(t.Context(), claims[0]), start(t.Context(), claims[1])} {
		<-r.done
		require.ErrorContains(t, r.err, "more than the 9 bytes that it announced arrived")
	}
}
