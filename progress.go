package ingest

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// StallError is the cause of cancellation of a transfer that did not get on.
type StallError struct{ Timeout time.Duration }

func (e *StallError) Error() string {
	return fmt.Sprintf("the transfer made no progress for %s", e.Timeout)
}

type progressKey struct{}

// WithStallTimeout returns a context that is cancelled, with a *StallError as its
// cause, when Progress is not called for the timeout. The function that is
// returned must be called to end the watch.
func WithStallTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if timeout <= 0 {
		return ctx, func() { cancel(nil) }
	}
	var moved atomic.Bool
	ctx = WithProgress(ctx, func() { moved.Store(true) })
	// Looking four times in the timeout finds a stall at most a quarter late,
	// and costs the transfer no more than setting a flag.
	ticker := time.NewTicker(max(timeout/4, time.Millisecond))
	go func() {
		defer ticker.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if moved.Swap(false) {
					last = now
				} else if now.Sub(last) >= timeout {
					cancel(&StallError{Timeout: timeout})
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// WithProgress returns a context for which Progress calls f, which may be called at
// any time and by several goroutines at once.
func WithProgress(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// Progress says that the transfer of this context is getting on. Reading the
// content of an Object that a store output opened says so by itself; a
// destination calls Progress where it works on for long without reading.
func Progress(ctx context.Context) {
	if f, ok := ctx.Value(progressKey{}).(func()); ok {
		f()
	}
}

// ProgressReader returns a reader that calls Progress whenever r yields data.
func ProgressReader(ctx context.Context, r io.Reader) io.Reader {
	return &progressReader{ctx: ctx, r: r}
}

type progressReader struct {
	ctx context.Context
	r   io.Reader
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		Progress(p.ctx)
	}
	return n, err
}
