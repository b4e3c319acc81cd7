package queue

import (
	"context"
	"time"
)

// heartbeatLoop extends the deadlines of everything held, three times in each,
// and cancels what it could not extend before the server gives it away.
func (s *Subscription) heartbeatLoop() {
	period := s.q.cfg.AckWait / 3
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.life.Done():
			return
		}
		s.beat(period)
	}
}

func (s *Subscription) beat(period time.Duration) {
	s.mu.Lock()
	held := make([]*Delivery, 0, len(s.held))
	for d := range s.held {
		held = append(held, d)
	}
	s.mu.Unlock()
	if len(held) == 0 {
		return
	}
	sentAt := time.Now()
	if s.confirmAlive(held, period/2) {
		for _, d := range held {
			d.aliveAt.Store(sentAt.UnixNano())
		}
		return
	}
	// A tenth of the deadline is left for what was begun to stop.
	limit := sentAt.Add(-s.q.cfg.AckWait * 9 / 10).UnixNano()
	// The next beat comes in a period: what would expire before that is lost now.
	limit += period.Nanoseconds()
	for _, d := range held {
		if d.aliveAt.Load() < limit {
			s.q.log.Warnf("giving up element %s of stream %s: %v", d.name(), s.q.cfg.Stream, ErrLeaseLost)
			d.abandon(ErrLeaseLost)
		}
	}
}

// confirmAlive sends a sign of life for every delivery, and waits for the
// consumer's answer to the last: a publish alone may end in a buffer of this
// client. Acknowledgements on one connection are handled in order.
func (s *Subscription) confirmAlive(held []*Delivery, timeout time.Duration) bool {
	for _, d := range held[:len(held)-1] {
		if err := d.msg.InProgress(); err != nil {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(s.life, timeout)
	defer cancel()
	_, err := s.q.conn.nc.RequestWithContext(ctx, held[len(held)-1].msg.Reply(), []byte("+WPI"))
	return err == nil
}
