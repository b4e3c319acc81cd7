package ingest

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Finisher does what is left to be done about a message of the queue.
type Finisher interface {
	// Finish is called once everything that processors made of the message is
	// delivered. If it fails, the message goes back to the queue.
	Finish(context.Context) error
}

// Settlement holds what outputs want to do about a message of the queue once
// everything that processors made of it, in however many batches, is delivered,
// and before the message leaves the queue.
type Settlement struct {
	mu        sync.Mutex
	owners    []any
	finishers map[any]Finisher
}

type settlementKey struct{}

// WithSettlement returns a context for a message of the queue, and what its input
// is to finish before it acknowledges the message.
func WithSettlement(ctx context.Context) (context.Context, *Settlement) {
	s := &Settlement{finishers: map[any]Finisher{}}
	return context.WithValue(ctx, settlementKey{}, s), s
}

// SettlementOf returns the Settlement of the message that msg was made of. It
// reports false if its input has none: then an output cannot know of other
// batches.
func SettlementOf(msg *service.Message) (*Settlement, bool) {
	s, ok := msg.Context().Value(settlementKey{}).(*Settlement)
	return s, ok
}

// Join returns the owner's Finisher for the message, which is created at first.
func (s *Settlement) Join(owner any, create func() Finisher) Finisher {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.finishers[owner]
	if !ok {
		f = create()
		s.finishers[owner] = f
		s.owners = append(s.owners, owner)
	}
	return f
}

// Finish calls the Finishers in the order in which their owners joined, until one
// fails.
func (s *Settlement) Finish(ctx context.Context) error {
	s.mu.Lock()
	owners := s.owners
	s.mu.Unlock()
	for _, owner := range owners {
		if err := s.finishers[owner].Finish(ctx); err != nil {
			return err
		}
	}
	return nil
}
