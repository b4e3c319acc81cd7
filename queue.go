package ingest

import (
	"context"
)

// Queue is able to publish messages and subscribe to incoming messages.
type Queue interface {
	// Publish queues an element and waits until the queue has stored it.
	// Headers carry what the listing knew of it, and may be nil. It fails
	// with ErrAlreadyQueued if a message for the same version of the element is
	// pending or in flight: another version, as far as the headers tell, is
	// queued behind it. It blocks while the queue is full.
	Publish(ctx context.Context, codec Codec, headers map[string]string) error
	// Subscribe joins the consumer that all workers of the queue share.
	Subscribe(context.Context) (Subscription, error)
	// Close ends the connection. It does not settle what is held.
	Close() error
}

// Subscription is able to pull messages from a stream for a pull consumer.
type Subscription interface {
	// Pop returns at least one and at most batch deliveries, and waits while
	// there is none. It fails with io.EOF after Drain.
	Pop(ctx context.Context, batch int) ([]Delivery, error)
	// Backlog asks the queue what is left for the consumer.
	Backlog(context.Context) (Backlog, error)
	// Drain stops pulling and gives back what was not popped.
	Drain()
	// Close drains, cancels what is still held and gives it back.
	Close(context.Context) error
}

// Backlog is what a consumer has left to do, of all its workers together.
type Backlog struct {
	// Pending counts the messages that were never delivered.
	Pending int64
	// InFlight counts those that a worker holds, and those that wait for
	// another attempt.
	InFlight int64
}

// Delivery is one message held by a worker. While it is held, its deadline is
// extended. It must be settled once, by Ack or Fail; settling it again does
// nothing.
type Delivery interface {
	// Context is cancelled when the worker may no longer act on the message,
	// because it could not extend its deadline, or is shutting down.
	Context() context.Context
	// Data returns the message as it was published.
	Data() []byte
	// Headers returns the headers that the message was published with.
	Headers() map[string]string
	// Deliveries counts how often the queue has delivered the message, this
	// time included.
	Deliveries() int
	// Attempt counts the failed attempts so far, plus one.
	Attempt(context.Context) (int, error)
	// Ack removes the message from the queue, and waits until it is gone.
	Ack(context.Context) error
	// Fail gives the message back as the kind of the error demands: to be
	// tried again later, at once, or as a dead letter.
	Fail(ctx context.Context, cause error) error
}
