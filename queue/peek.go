package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is a message that is in the queue.
type Message struct {
	// Sequence is its number in the stream.
	Sequence uint64 `json:"sequence"`
	Subject  string `json:"subject"`
	// ID and Name are those of the element, and empty where the message is none.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Data is the message, byte for byte.
	Data     []byte      `json:"data"`
	Headers  nats.Header `json:"headers,omitempty"`
	QueuedAt time.Time   `json:"queued_at"`
	// InFlight says that a worker holds it, or that it waits for its next attempt.
	InFlight bool `json:"in_flight"`
	// Attempts is how often it failed so far.
	Attempts int `json:"attempts"`
}

// Peek calls f for the n oldest messages of the queue, without consuming them.
// It fails with ErrNotFound if the stream is gone, and with what f fails with.
func (q *Queue) Peek(ctx context.Context, n int, f func(*Message) error) (err error) {
	defer func() { err = q.conn.explain(err) }()
	stream, err := q.stream(ctx)
	if err != nil {
		return err
	}
	info, err := streamInfo(ctx, q.conn.js, stream.CachedInfo())
	if err != nil {
		return err
	}
	delivered := uint64(0)
	if c := info.consumerOf(q.cfg.Subject); c != nil {
		delivered = c.delivered
	}
	attempts, err := lookUpAttempts(ctx, q.conn.js, &q.cfg)
	if err != nil {
		return err
	}
	enough := errors.New("enough")
	err = eachMessage(ctx, stream, q.cfg.filter(), func(raw *jetstream.RawStreamMsg) error {
		if n--; n < 0 {
			return enough
		}
		// What was delivered and is done has left the queue.
		m := &Message{
			Sequence: raw.Sequence,
			Subject:  raw.Subject,
			Data:     raw.Data,
			Headers:  published(raw.Header),
			QueuedAt: raw.Time,
			InFlight: raw.Sequence <= delivered,
		}
		m.ID, m.Name = elementOf(raw.Data)
		if attempts != nil {
			var err error
			if m.Attempts, err = attempts.get(ctx, identity(raw.Sequence, raw.Time)); err != nil {
				return err
			}
		}
		return f(m)
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}
