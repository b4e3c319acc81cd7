package component

import (
	"context"
	"errors"
	"time"

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

// ConnectTimeout bounds the question whether a system is there.
const ConnectTimeout = 30 * time.Second

// StallCause returns the stall that cancelled ctx in place of err, which then
// only says that something was cancelled. If one of the systems is found not to
// be there, the stall is an outage and not the object's failure.
func StallCause(ctx context.Context, err error, systems ...any) error {
	var stall *ingest.StallError
	if err == nil || !errors.As(context.Cause(ctx), &stall) {
		return err
	}
	probe, cancel := context.WithTimeout(context.WithoutCancel(ctx), ConnectTimeout)
	defer cancel()
	for _, system := range systems {
		if t, ok := system.(ingest.ConnectionTester); ok && t.TestConnection(probe) != nil {
			return ingest.Outage(stall)
		}
	}
	return stall
}
