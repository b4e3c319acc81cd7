package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest"
)

// behindToken ends the subject of a version that waits behind an older one of its
// element. Whoever takes it puts it back under the element's own subject, once that
// is free: two workers never have one element.
const behindToken = ".behind"

// behindPause is the longest that a version waits after the older one is done.
const behindPause = 5 * time.Second

// publishBehind queues the element once more if what is queued of it is another
// version: that one may be read already. It fails with ingest.ErrAlreadyQueued if it
// is the same, or if a version waits already, which stands for every later one. It does
// not wait while the queue is full.
func (q *Queue) publishBehind(ctx context.Context, subject string, data []byte, header nats.Header) error {
	other, err := q.otherQueued(ctx, subject, header)
	if err != nil {
		return err
	}
	if !other {
		return ingest.ErrAlreadyQueued
	}
	err = q.tryPublish(ctx, subject+behindToken, data, header)
	if errors.Is(err, ingest.ErrAlreadyQueued) && q.removeMoved(ctx, subject) {
		return q.tryPublish(ctx, subject+behindToken, data, header)
	}
	return err
}

// removeMoved removes what waits behind the very same version, as after a crash while
// that was moved up: it would be done with that one, and stand for no later version.
func (q *Queue) removeMoved(ctx context.Context, subject string) bool {
	queued, err := q.work.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return false
	}
	behind, err := q.work.GetLastMsgForSubject(ctx, subject+behindToken)
	if err != nil || !describedBy(behind.Header).KnownSameVersion(describedBy(queued.Header)) {
		return errors.Is(err, jetstream.ErrMsgNotFound)
	}
	err = q.work.DeleteMsg(ctx, behind.Sequence)
	return err == nil || isRemoved(err)
}

// otherQueued reports whether what is queued of an element is not known to be the
// version that the header tells of. It may be gone by now.
func (q *Queue) otherQueued(ctx context.Context, subject string, header nats.Header) (bool, error) {
	listed := describedBy(header)
	if listed.Version() == "" {
		// Then every worker looks at the source once more, see ingest.Handle.
		return false, nil
	}
	queued, err := q.work.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking up what stream %s holds of an element: %w", q.cfg.Stream, err)
	}
	return !listed.KnownSameVersion(describedBy(queued.Header)), nil
}

// describedBy is what the headers tell of an element.
func describedBy(header nats.Header) *ingest.Object {
	return ingest.ObjectFromMetadata(func(key string) (string, bool) {
		v, ok := header[headerOf(key)]
		return strings.Join(v, ""), ok
	})
}

// waitsBehind reports whether the message is a version that waits.
func (d *Delivery) waitsBehind() bool { return strings.HasSuffix(d.msg.Subject(), behindToken) }

// moveUp puts the message under its element's own subject, unless its version is
// there already. While another is, it goes back.
func (d *Delivery) moveUp() {
	ctx := d.Context()
	subject := strings.TrimSuffix(d.msg.Subject(), behindToken)
	header := published(d.msg.Headers())
	err := d.sub.q.publish(ctx, subject, d.Data(), header)
	if errors.Is(err, ingest.ErrAlreadyQueued) {
		var other bool
		if other, err = d.sub.q.otherQueued(ctx, subject, header); err == nil && other {
			err = ingest.ErrAlreadyQueued
		}
	}
	_ = d.settle(func() error {
		if err == nil {
			if err = d.sub.acks.confirm(ctx, d.msg); err == nil {
				return nil
			}
		}
		d.sub.q.log.Debugf("%s waits: %v", d.name(), err)
		return d.giveBack(min(d.delay(d.Deliveries()), behindPause), "behind")
	})
}
