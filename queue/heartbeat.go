package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// heartbeatLoop extends the deadlines of everything held, three times in each,
// and cancels what it could not extend before the server gives it away.
func (s *Subscription) heartbeatLoop() {
	ackWait := s.consumer.CachedInfo().Config.AckWait
	for {
		timer := time.NewTimer(ackWait / 3)
		select {
		case <-timer.C:
		case <-s.life.Done():
			timer.Stop()
			return
		}
		s.beat(ackWait)
		ackWait = s.ackWait(ackWait)
	}
}

// ackWait asks for the consumer's deadline: it is one for all workers, and the
// last that was configured has set it.
func (s *Subscription) ackWait(last time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(s.life, last/6)
	defer cancel()
	info, err := s.consumer.Info(ctx)
	if err != nil || info.Config.AckWait <= 0 {
		return last
	}
	return info.Config.AckWait
}

func (s *Subscription) beat(ackWait time.Duration) {
	now := time.Now()
	// A tenth of the deadline is left for what was begun to stop.
	limit := ackWait * 9 / 10
	// The server answers for messages that are another worker's by now, after
	// this process was suspended say, so what is overdue is not extended.
	held := s.extendable(now, limit)
	if len(held) == 0 || s.confirmAlive(held, ackWait/6) {
		for _, d := range held {
			d.aliveAt.Store(now.UnixNano())
		}
		return
	}
	// The next beat comes in a period: what would expire before that is lost now.
	s.extendable(now, limit-ackWait/3)
}

// extendable returns what is held and not settled, and gives up what the server
// has not heard of for the limit. Wall clocks are compared, since the server's
// does not stand still while this machine sleeps.
func (s *Subscription) extendable(now time.Time, limit time.Duration) (held []*Delivery) {
	s.mu.Lock()
	var overdue []*Delivery
	for d := range s.held {
		switch {
		case d.settled.Load():
		case now.UnixNano()-d.aliveAt.Load() >= limit.Nanoseconds():
			overdue = append(overdue, d)
		default:
			held = append(held, d)
		}
	}
	s.mu.Unlock()
	for _, d := range overdue {
		s.q.log.Warnf("giving up element %s of stream %s: %v", d.name(), s.q.cfg.Stream, ErrLeaseLost)
		d.abandon(ErrLeaseLost)
	}
	return held
}

// confirmAlive sends a sign of life for every delivery, and waits for the
// consumer's answer to the last: a publish alone may end in a buffer of this
// client. Acknowledgements on one connection are handled in order.
func (s *Subscription) confirmAlive(held []*Delivery, timeout time.Duration) bool {
	for _, d := range held[:len(held)-1] {
		if err := d.msg.InProgress(); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(s.life, timeout)
	defer cancel()
	_, err := s.q.conn.nc.RequestWithContext(ctx, held[len(held)-1].msg.Reply(), []byte("+WPI"))
	return err == nil
}
