package outputs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
)

// errPending says that an output has not tried yet.
var errPending = errors.New("not connected yet")

// connecting is an output on its way to a system. It gives up once the stream is to
// stop; the engine would go on trying.
type connecting struct {
	name  string
	retry time.Duration
	stop  *component.Stop
	// system is down until it is reached.
	system *progress.Dependency

	mu sync.Mutex
	// err is nil once the system is reached.
	err    error
	tried  bool
	change chan struct{}
}

// connectingKey is where the connecting output at a path is among the resources.
type connectingKey struct{ stream, path string }

func newConnecting(res *service.Resources, system any, retry time.Duration) *connecting {
	c := &connecting{
		name:   component.NameOf(res, system),
		retry:  retry,
		stop:   component.StopOf(res),
		err:    errPending,
		change: make(chan struct{}),
	}
	c.system = progress.Of(res).NewDependency(c.name)
	res.SetGeneric(keyOf(res), c)
	return c
}

func keyOf(res *service.Resources, beneath ...string) connectingKey {
	return connectingKey{res.StreamID(), strings.Join(append(slices.Clone(res.Path()), beneath...), ".")}
}

// connectingAt returns the output at a place beneath that of the resources, if it
// is one of the bundle.
func connectingAt(res *service.Resources, beneath ...string) (*connecting, bool) {
	c, ok := res.GetGeneric(keyOf(res, beneath...))
	if !ok {
		return nil, false
	}
	return c.(*connecting), true
}

// connect tries once, and pauses before it does so again. It returns nil also when
// it gave up: Connected tells.
func (c *connecting) connect(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := c.stop.Context(ctx)
	defer cancel()
	if c.again() {
		_ = wait(ctx, c.retry)
	}
	err := ctx.Err()
	if err == nil {
		err = try(ctx)
	}
	c.set(err)
	if err == nil || c.stop.Stopping() {
		return nil
	}
	c.system.Set(err)
	// The pause is in here, where a stop ends it.
	return service.NewErrBackOff(err, time.Millisecond)
}

func (c *connecting) again() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	tried := c.tried
	c.tried = true
	return tried && c.err != nil
}

func (c *connecting) set(err error) {
	if err == nil {
		c.system.Set(nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.change)
	c.change = make(chan struct{})
}

func (c *connecting) state() (change <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.change, c.err
}

// reached waits until the system is reached, or ctx is over. It returns the error
// of a try that failed, unless that was told before.
func (c *connecting) reached(ctx context.Context, told string) error {
	for {
		change, err := c.state()
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if err != errPending && err.Error() != told { //nolint:errorlint // it is never wrapped
			return err
		}
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
}

// connected returns an error if the output gave up: the message goes back, and no
// attempt is counted.
func (c *connecting) connected() error {
	_, err := c.state()
	switch {
	case err == nil:
		return nil
	case !c.stop.Stopping():
		// The engine connects again.
		return service.ErrNotConnected
	}
	return ingest.Outage(&notReachedError{c.name})
}

// notReachedError says that an output gave up. To the queue it is a cancelled attempt.
type notReachedError struct{ name string }

func (e *notReachedError) Error() string {
	return fmt.Sprintf("stopping, and %s was not reached: the message goes back", e.name)
}

func (e *notReachedError) Is(target error) bool { return target == context.Canceled }

func (c *connecting) close() { c.system.Close() }
