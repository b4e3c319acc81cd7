package outputs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/share"
)

// store writes every message to every output, and waits for all of them. All outputs
// get the messages in one order: those that take few at once so take the same ones,
// and can share them.
func (f *fanOut) store(ctx context.Context, deliveries []*delivery) error {
	var wg sync.WaitGroup
	errs := make([]error, len(deliveries)*len(f.outputs))
	f.order.Lock()
	for i, d := range deliveries {
		msgs, done := f.copies(d.msg)
		for j, o := range f.outputs {
			d.receipts = append(d.receipts, ingest.CollectReceipts(msgs[j]))
			result := hand(ctx, o, msgs[j])
			wg.Go(func() {
				defer done(j)
				if err := result(); err != nil {
					errs[i*len(f.outputs)+j] = fmt.Errorf("output %d: %w", j, err)
				}
			})
		}
	}
	f.order.Unlock()
	wg.Wait()
	return errors.Join(errs...)
}

// hand hands a message to an output, and returns the function that waits until it is
// written.
func hand(ctx context.Context, o *service.OwnedOutput, msg *service.Message) (result func() error) {
	written := make(chan error, 1)
	err := o.WriteBatchNonBlocking(service.MessageBatch{msg}, func(_ context.Context, err error) error {
		written <- err
		return nil
	})
	if err != nil {
		// Batches can have more messages than wait in order.
		return func() error { return o.Write(ctx, msg) }
	}
	return func() error {
		select {
		case err := <-written:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sharedKey is where the message of an output has its claim to the download that the
// outputs share.
const sharedKey = "_ingest_shared"

type shared struct {
	*share.Claim
	handle *ingest.Handle
}

// Copy returns s itself: there is one claim for each output.
func (s *shared) Copy() any { return s }

// copies returns a copy of the message for each output, which share one download of
// its object, and the function that says that an output is done with its copy.
func (f *fanOut) copies(msg *service.Message) (msgs []*service.Message, done func(output int)) {
	for range f.outputs {
		msgs = append(msgs, msg.Copy())
	}
	handle, ok := ingest.HandleOf(msg)
	if !ok || ingest.HasContent(msg) || len(msgs) == 1 {
		return msgs, func(int) {}
	}
	claims := f.shares.Share(opener(msg, handle), ingest.ObjectFromMetadata(msg.MetaGet).Len)
	for i, claim := range claims {
		msgs[i].MetaSetImmut(sharedKey, &shared{claim, handle})
	}
	return msgs, func(output int) { claims[output].Done() }
}

// leave has the other outputs not wait for this message's: it works on the object
// without reading it.
func leave(msg *service.Message) {
	v, _ := msg.MetaGetImmut(sharedKey)
	if s, ok := v.(*shared); ok {
		s.Leave()
	}
}

// opener returns what opens the object for this message: its claim if it has one.
func opener(msg *service.Message, handle *ingest.Handle) share.Opener {
	v, _ := msg.MetaGetImmut(sharedKey)
	if s, ok := v.(*shared); ok && s.handle == handle {
		return s.Open
	}
	return handle.Open
}
