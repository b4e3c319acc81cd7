package queue

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// circuit pauses consumption during an outage. It opens when an attempt fails
// for an outage; after a pause, which doubles up to a limit, it lets one message
// through to try; the first message that is settled in any other way closes it.
type circuit struct {
	min, max time.Duration
	log      *service.Logger
	// tell hears why the circuit is open; nil says that it is closed.
	tell func(cause error)

	mu      sync.Mutex
	open    bool
	pause   time.Duration
	until   time.Time
	probing bool
	changed chan struct{}
}

func newCircuit(shortest, longest time.Duration, log *service.Logger, tell func(cause error)) *circuit {
	tell(nil)
	return &circuit{min: shortest, max: longest, log: log, tell: tell, changed: make(chan struct{})}
}

// wait blocks until a message may be handed out. Its result says whether that
// message is the one that tries.
func (c *circuit) wait(ctx context.Context) (probe bool, err error) {
	for {
		c.mu.Lock()
		if !c.open {
			c.mu.Unlock()
			return false, nil
		}
		left := time.Until(c.until)
		if left <= 0 && !c.probing {
			c.probing = true
			c.mu.Unlock()
			return true, nil
		}
		changed := c.changed
		c.mu.Unlock()

		var timer <-chan time.Time
		if left > 0 {
			timer = time.After(left)
		}
		select {
		case <-timer:
		case <-changed:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// trip reports an outage and returns how long to wait.
func (c *circuit) trip(cause error) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.tell(cause)
	switch {
	case !c.open:
		c.open = true
		c.pause = c.min
		c.log.Warnf("outage, consumption pauses: %v", cause)
	case now.Before(c.until):
		// The others that were in flight fail for the same reason.
		return time.Until(c.until)
	default:
		c.pause = min(2*c.pause, c.max)
		c.log.Debugf("outage goes on, next try in %s: %v", c.pause, cause)
	}
	c.probing = false
	c.until = now.Add(c.pause)
	c.broadcast()
	return c.pause
}

// succeed reports a message that was settled without an outage.
func (c *circuit) succeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return
	}
	c.open, c.probing = false, false
	c.tell(nil)
	c.log.Info("outage is over, consumption goes on")
	c.broadcast()
}

// abandon takes back the try that wait allowed, if nothing came of it.
func (c *circuit) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probing {
		c.probing = false
		c.broadcast()
	}
}

func (c *circuit) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}
