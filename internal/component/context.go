package component

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// AttemptContext returns ctx, cancelled also when the message's own context is:
// the queue cancels that when the worker may no longer act on the message. The
// engine does not pass it to processors and outputs.
func AttemptContext(ctx context.Context, msg *service.Message) (context.Context, context.CancelFunc) {
	attempt := msg.Context()
	ctx, cancel := context.WithCancelCause(ctx)
	// AfterFunc takes a moment, and nothing is to be begun in it.
	if attempt.Err() != nil {
		cancel(context.Cause(attempt))
	}
	stop := context.AfterFunc(attempt, func() { cancel(context.Cause(attempt)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// StallCause returns the stall that cancelled ctx in place of err, which then
// only says that something was cancelled.
func StallCause(ctx context.Context, err error) error {
	var stall *ingest.StallError
	if err != nil && errors.As(context.Cause(ctx), &stall) {
		return stall
	}
	return err
}
