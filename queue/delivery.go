package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest"
)

// settleTimeout bounds one question to the server while a message is settled.
const settleTimeout = 5 * time.Second

// releaseDelay is how long a message that is given back at a stop waits for the
// next worker. The server may not know yet that this one has stopped pulling, and
// would hand the message to it, where it would lie until AckWait is over.
const releaseDelay = 100 * time.Millisecond

// Delivery is an ingest.Delivery.
type Delivery struct {
	sub    *Subscription
	msg    jetstream.Msg
	meta   *jetstream.MsgMetadata
	ctx    context.Context
	cancel context.CancelCauseFunc
	// aliveAt is when the server last knew that the message is held, in
	// nanoseconds since the epoch.
	aliveAt atomic.Int64
	settled atomic.Bool
}

var _ ingest.Delivery = (*Delivery)(nil)

func newDelivery(s *Subscription, msg jetstream.Msg) *Delivery {
	d := &Delivery{sub: s, msg: msg}
	d.ctx, d.cancel = context.WithCancelCause(s.life)
	d.aliveAt.Store(time.Now().UnixNano())
	// Metadata comes from the reply subject, which is the server's own.
	if meta, err := msg.Metadata(); err == nil {
		d.meta = meta
	} else {
		d.meta = &jetstream.MsgMetadata{}
	}
	return d
}

// Context implements ingest.Delivery.
func (d *Delivery) Context() context.Context { return d.ctx }

// Data implements ingest.Delivery.
func (d *Delivery) Data() []byte { return d.msg.Data() }

// Headers implements ingest.Delivery.
func (d *Delivery) Headers() map[string]string { return plainHeaders(d.msg.Headers()) }

// Sequence is the message's number in the stream.
func (d *Delivery) Sequence() uint64 { return d.meta.Sequence.Stream }

func (d *Delivery) name() string {
	return fmt.Sprintf("%s (sequence %d)", d.msg.Subject(), d.Sequence())
}

// Deliveries implements ingest.Delivery.
func (d *Delivery) Deliveries() int { return int(min(d.meta.NumDelivered, math.MaxInt32)) }

// Attempt implements ingest.Delivery.
func (d *Delivery) Attempt(ctx context.Context) (int, error) {
	failed, err := d.failed(ctx)
	return failed + 1, err
}

// failed returns the number of failed attempts so far.
func (d *Delivery) failed(ctx context.Context) (int, error) {
	if d.meta.NumDelivered <= 1 {
		return 0, nil
	}
	return d.sub.attempts.get(ctx, d.identity())
}

func (d *Delivery) identity() string { return identity(d.Sequence(), d.meta.Timestamp) }

// identity tells a message from any other that there ever was: a stream that is
// made anew counts from one again.
func identity(sequence uint64, stored time.Time) string {
	return fmt.Sprintf("%d-%d", sequence, stored.UnixNano())
}

// settle runs f unless the delivery was settled before. It ends the holding. While
// there is no connection it waits, and may lose the message to another worker.
func (d *Delivery) settle(f func() error) error {
	d.sub.q.conn.await(d.ctx)
	if !d.settled.CompareAndSwap(false, true) {
		return nil
	}
	defer func() {
		d.sub.drop(d)
		d.cancel(context.Canceled)
		// If this was the try in an outage, and nothing came of it, there
		// must be another.
		d.sub.circuit.abandon()
	}()
	if errors.Is(context.Cause(d.ctx), ErrLeaseLost) {
		// The message may be another worker's: whatever is said of it now
		// would be said of that one's work.
		return nil
	}
	return f()
}

// Ack implements ingest.Delivery.
func (d *Delivery) Ack(ctx context.Context) error {
	return d.settle(func() error {
		// Whatever becomes of the acknowledgement, the systems did work.
		d.sub.circuit.succeed()
		err := d.sub.acks.confirm(ctx, d.msg)
		d.sub.q.metrics.count("ack", err)
		d.sub.q.metrics.attempt(err)
		if err != nil {
			return fmt.Errorf("acknowledging %s: %w", d.name(), err)
		}
		d.forget(ctx)
		return nil
	})
}

// forget removes the count of failed attempts.
func (d *Delivery) forget(ctx context.Context) {
	if d.meta.NumDelivered > 1 {
		d.sub.attempts.forget(ctx, d.identity())
	}
}

// Fail implements ingest.Delivery.
func (d *Delivery) Fail(ctx context.Context, cause error) error {
	if cause == nil {
		return d.Ack(ctx)
	}
	return d.settle(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		// A void attempt says nothing about the element.
		if d.ctx.Err() != nil || (errors.Is(cause, context.Canceled) && d.sub.pulling.Err() != nil) {
			return d.giveBack(releaseDelay, "released")
		}
		d.sub.q.metrics.attempt(cause)
		switch ingest.KindOf(cause) {
		case ingest.KindChanged:
			d.sub.circuit.succeed()
			return d.giveBack(d.changedDelay(), "changed")
		case ingest.KindOutage:
			return d.giveBack(d.sub.circuit.trip(cause), "outage")
		case ingest.KindPermanent:
			d.sub.circuit.succeed()
			failed, _ := d.failed(ctx)
			return d.bury(ctx, failed+1, cause)
		default:
			d.sub.circuit.succeed()
			return d.retry(ctx, cause)
		}
	})
}

// retry counts the failed attempt, and gives the message back or buries it.
func (d *Delivery) retry(ctx context.Context, cause error) error {
	failed, err := d.failed(ctx)
	if err == nil {
		failed++
		if limit := d.sub.q.cfg.MaxAttempts; limit > 0 && failed >= limit {
			return d.bury(ctx, failed, cause)
		}
		err = d.sub.attempts.set(ctx, d.identity(), failed)
	}
	d.sub.q.tracker.FailedAttempt()
	if err != nil {
		d.sub.q.log.Warnf("an attempt of %s is not counted: %v", d.name(), err)
		failed = 1
	}
	return d.giveBack(d.delay(failed), "retry")
}

// changedDelay is nothing the first times; a source that seems to change for ever
// must not keep a worker busy for ever.
func (d *Delivery) changedDelay() time.Duration {
	const atOnce = 3
	if d.Deliveries() <= atOnce {
		return 0
	}
	return d.delay(d.Deliveries() - atOnce)
}

// delay doubles with every failed attempt.
func (d *Delivery) delay(failed int) time.Duration {
	delay := d.sub.q.cfg.BackoffMin
	for range failed - 1 {
		if delay *= 2; delay >= d.sub.q.cfg.BackoffMax {
			return d.sub.q.cfg.BackoffMax
		}
	}
	return delay
}

// bury makes the message a dead letter. If that fails it is tried again later.
func (d *Delivery) bury(ctx context.Context, attempts int, cause error) error {
	err := d.sub.q.bury(ctx, d, attempts, cause)
	if err != nil {
		d.sub.q.log.Errorf("%s stays in the queue: %v", d.name(), err)
		return d.giveBack(d.sub.q.cfg.BackoffMax, "retry")
	}
	d.sub.q.metrics.result("nak", "dead_letter")
	d.sub.q.tracker.Fail(fmt.Errorf("%s is a dead letter: %w", elementName(d), cause))
	d.forget(ctx)
	return nil
}

func (d *Delivery) giveBack(delay time.Duration, result string) error {
	d.sub.q.metrics.result("nak", result)
	var err error
	if delay <= 0 {
		err = d.msg.Nak()
	} else {
		err = d.msg.NakWithDelay(delay)
	}
	if err != nil {
		return fmt.Errorf("giving back %s: %w", d.name(), err)
	}
	return nil
}

// release cancels the work on the message and gives it back uncounted.
func (d *Delivery) release() {
	d.cancel(errClosed)
	_ = d.settle(func() error { return d.giveBack(releaseDelay, "released") })
}

// abandon cancels the work on a message that may be another worker's by now.
func (d *Delivery) abandon(cause error) {
	d.cancel(cause)
	d.sub.forgo(d)
}
