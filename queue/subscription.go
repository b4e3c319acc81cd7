package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
)

const (
	// pullExpiry is how long one pull waits on a quiet stream, and so how
	// long it can take to stop pulling. The first that nothing comes of is as
	// short as firstPullExpiry, since most runs that end do so then.
	pullExpiry      = 500 * time.Millisecond
	firstPullExpiry = pullExpiry / 8
	// pullRetry is the pause after a pull that failed.
	pullRetry = 500 * time.Millisecond
)

// ErrLeaseLost is the cause of a delivery's cancellation when its deadline
// could not be extended in time: another worker may have it by now.
var ErrLeaseLost = errors.New("the queue could not be told in time that work goes on")

// errClosed is the cause of a delivery's cancellation at shutdown.
var errClosed = errors.New("shutting down")

// Subscription is an ingest.Subscription: it fetches ahead, keeps what it holds
// alive, and pauses during outages.
type Subscription struct {
	q        *Queue
	consumer jetstream.Consumer
	attempts *attempts
	circuit  *circuit
	acks     acks
	// untake says, once, that this process takes from the queue no more.
	untake func()
	// systems are down while the circuit is open.
	systems *progress.Dependency

	// pulling is cancelled by Drain, life by Close.
	pulling     context.Context
	stopPulling context.CancelFunc
	life        context.Context
	stopLife    context.CancelCauseFunc
	workers     sync.WaitGroup

	mu sync.Mutex
	// ready holds what was fetched and not popped, held everything that is
	// not settled, ready ones included.
	ready []*Delivery
	held  map[*Delivery]struct{}
	// wake is closed and renewed when ready has grown or shrunk.
	wake chan struct{}
	// lost is the error that ended the pulling for good.
	lost error
}

var _ ingest.Subscription = (*Subscription)(nil)

// Subscribe implements ingest.Queue. It provisions the consumer that all
// workers share, the stream of dead letters, and the bucket of attempts.
func (q *Queue) Subscribe(ctx context.Context) (ingest.Subscription, error) {
	js := q.conn.js
	consumer, err := provisionConsumer(ctx, js, &q.cfg)
	if err != nil {
		return nil, err
	}
	if err := provisionDead(ctx, js, &q.cfg); err != nil {
		return nil, err
	}
	attempts, err := provisionAttempts(ctx, js, &q.cfg)
	if err != nil {
		return nil, err
	}
	s := &Subscription{
		q:        q,
		consumer: consumer,
		attempts: attempts,
		systems:  q.tracker.NewDependency(""),
		held:     map[*Delivery]struct{}{},
		wake:     make(chan struct{}),
	}
	s.circuit = newCircuit(q.cfg.BackoffMin, q.cfg.BackoffMax, q.log, func(cause error) {
		q.metrics.outage(cause != nil)
		s.systems.Set(cause)
	})
	q.metrics.attempts.Zero(component.Results)
	s.pulling, s.stopPulling = context.WithCancel(context.Background())
	s.life, s.stopLife = context.WithCancelCause(context.Background())
	s.untake = q.take()
	s.workers.Go(s.pullLoop)
	s.workers.Go(s.heartbeatLoop)
	s.workers.Go(s.watchLoop)
	return s, nil
}

// Pop implements ingest.Subscription. Where the consumer or the stream is gone
// it fails, and the caller subscribes again.
func (s *Subscription) Pop(ctx context.Context, batch int) ([]ingest.Delivery, error) {
	for {
		probe, err := s.circuit.wait(ctx)
		if err != nil {
			return nil, err
		}
		if probe {
			batch = 1
		}
		popped, wake, err := s.take(batch)
		if len(popped) > 0 {
			return popped, nil
		}
		if err == nil {
			select {
			case <-wake:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if probe {
			s.circuit.abandon()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *Subscription) take(batch int) (popped []ingest.Delivery, wake chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pulling.Err() != nil {
		if s.lost != nil {
			return nil, nil, s.lost
		}
		return nil, nil, io.EOF
	}
	n := min(batch, len(s.ready))
	if n == 0 {
		return nil, s.wake, nil
	}
	for _, d := range s.ready[:n] {
		popped = append(popped, d)
	}
	s.ready = append(s.ready[:0], s.ready[n:]...)
	s.wakeLocked()
	return popped, nil, nil
}

func (s *Subscription) wakeLocked() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// pullLoop keeps ready filled: it pulls when half of it is used up. At the end it
// gives back what was not popped, and not before: while a pull is under way the
// server would deliver it here again.
func (s *Subscription) pullLoop() {
	defer s.giveBackReady()
	expiry := firstPullExpiry
	for s.pulling.Err() == nil {
		want, wake := s.room()
		if want == 0 {
			select {
			case <-wake:
			case <-s.pulling.Done():
			}
			continue
		}
		got, err := s.pull(want, expiry)
		if expiry = min(2*expiry, pullExpiry); got > 0 {
			expiry = firstPullExpiry
		}
		if err != nil && s.pulling.Err() == nil {
			s.q.metrics.count("pop", err)
			if gone(err) {
				s.lose(fmt.Errorf("consumer %s on stream %s is gone: %w", s.q.cfg.Consumer, s.q.cfg.Stream, err))
				return
			}
			s.q.log.Debugf("pulling from stream %s: %v", s.q.cfg.Stream, err)
			select {
			case <-time.After(pullRetry):
			case <-s.pulling.Done():
			}
		}
	}
}

func (s *Subscription) room() (want int, wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) > s.q.cfg.Prefetch/2 {
		return 0, s.wake
	}
	return s.q.cfg.Prefetch - len(s.ready), s.wake
}

// pull is never cut short: what the server has sent by then would be lost to
// everybody until its deadline.
func (s *Subscription) pull(want int, expiry time.Duration) (got int, err error) {
	batch, err := s.consumer.Fetch(want, jetstream.FetchMaxWait(expiry))
	if err != nil {
		return 0, err
	}
	for msg := range batch.Messages() {
		s.q.metrics.count("pop", nil)
		s.hold(msg)
		got++
	}
	err = batch.Error()
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoHeartbeat) {
		// Nobody answers for the consumer: is it gone, or is the server?
		ctx, cancel := context.WithTimeout(s.life, settleTimeout)
		defer cancel()
		_, err = s.consumer.Info(ctx)
	}
	return got, err
}

func gone(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) ||
		errors.Is(err, jetstream.ErrStreamNotFound)
}

func (s *Subscription) lose(err error) {
	s.mu.Lock()
	s.lost = err
	s.mu.Unlock()
	s.Drain()
}

func (s *Subscription) hold(msg jetstream.Msg) {
	d := newDelivery(s, msg)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[d] = struct{}{}
	if d.waitsBehind() {
		s.workers.Go(d.moveUp)
		return
	}
	s.ready = append(s.ready, d)
	s.wakeLocked()
}

func (s *Subscription) drop(d *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, d)
}

// forgo drops a delivery without settling it. If it was not popped yet it never
// will be.
func (s *Subscription) forgo(d *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, d)
	s.ready = slices.DeleteFunc(s.ready, func(r *Delivery) bool { return r == d })
}

func (s *Subscription) giveBackReady() {
	s.mu.Lock()
	unpopped := s.ready
	s.ready = nil
	s.mu.Unlock()
	for _, d := range unpopped {
		d.release()
	}
}

// Backlog implements ingest.Subscription.
func (s *Subscription) Backlog(ctx context.Context) (ingest.Backlog, error) {
	info, err := s.consumer.Info(ctx)
	if err != nil {
		return ingest.Backlog{}, fmt.Errorf("looking up consumer %s: %w", s.q.cfg.Consumer, err)
	}
	left := ingest.Backlog{Pending: int64(min(info.NumPending, math.MaxInt64)), InFlight: int64(info.NumAckPending)}
	if left.Pending+left.InFlight > 0 {
		return left, nil
	}
	// The consumer learns of what was published a moment after the stream.
	stream, err := s.q.work.Info(ctx, jetstream.WithSubjectFilter(s.q.cfg.filter()))
	if err != nil {
		return ingest.Backlog{}, fmt.Errorf("looking up stream %s: %w", s.q.cfg.Stream, err)
	}
	left.Pending = int64(len(stream.State.Subjects))
	return left, nil
}

// Drain implements ingest.Subscription.
func (s *Subscription) Drain() {
	s.stopPulling()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeLocked()
}

// Close implements ingest.Subscription. It waits for the end of the pull that is under
// way, which is soon.
func (s *Subscription) Close(ctx context.Context) error {
	s.Drain()
	s.stopLife(errClosed)
	s.workers.Wait()
	s.untake()
	s.systems.Close()
	s.mu.Lock()
	var rest []*Delivery
	for d := range s.held {
		rest = append(rest, d)
	}
	s.mu.Unlock()
	for _, d := range rest {
		d.release()
	}
	// What was given back must be on its way before the connection closes.
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return s.q.conn.nc.FlushWithContext(ctx)
}
