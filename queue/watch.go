package queue

import (
	"context"
	"time"
)

// watchPeriod is how often the state of the queue is read for the metrics.
const watchPeriod = 5 * time.Second

// watchLoop keeps the metrics of the queue's state fresh.
func (s *Subscription) watchLoop() {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	for {
		s.watch()
		select {
		case <-ticker.C:
		case <-s.life.Done():
			return
		}
	}
}

// watch leaves the last values in place where the servers do not answer: that is
// the heartbeat's to report.
func (s *Subscription) watch() {
	ctx, cancel := context.WithTimeout(s.life, watchPeriod)
	defer cancel()
	if info, err := s.consumer.Info(ctx); err == nil {
		s.q.metrics.pending.Set(int64(info.NumPending))
		s.q.metrics.taken.Set(int64(info.NumAckPending))
		s.q.metrics.redelivered.Set(int64(info.NumRedelivered))
	}
	dead, err := s.q.conn.js.Stream(ctx, s.q.cfg.deadStream())
	if err == nil {
		s.q.metrics.deadLetters.Set(int64(dead.CachedInfo().State.Msgs))
	}
}
