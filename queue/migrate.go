package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/ingest-bundle/ingest"
)

const (
	// migrateBatch is how many messages are taken from the old stream at once,
	// far fewer than can be moved before their deadline is over.
	migrateBatch = 256
	// migrateParallel is how many of them are moved at the same time.
	migrateParallel = 32
	// migrateWait is how long one look for messages takes that other workers
	// hold.
	migrateWait = time.Second
)

// Original is a queue as the original ingest makes it: a stream with one subject
// for each workflow, and a durable pull consumer that its workers share.
type Original struct {
	conn      *connection
	stream    jetstream.Stream
	consumers []*jetstream.ConsumerInfo
}

// OpenOriginal connects to the queue of a workflow. Without the name of a consumer
// it takes all that have the subject. It changes nothing, and fails with
// ErrNotFound where there is no such stream or consumer, and if a consumer does not
// acknowledge each message by itself.
func OpenOriginal(ctx context.Context, server Server, stream, subject, consumer string) (_ *Original, err error) {
	if err := exists(server); err != nil {
		return nil, err
	}
	conn, err := connect(ctx, server, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = conn.explain(err)
			conn.close()
		}
	}()
	o := &Original{conn: conn}
	o.stream, err = conn.js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s %w", stream, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up stream %s: %w", stream, err)
	}
	var others []string
	list := o.stream.ListConsumers(ctx)
	for info := range list.Info() {
		if info.Config.FilterSubject != subject || (consumer != "" && info.Name != consumer) {
			others = append(others, fmt.Sprintf("%s (%s)", info.Name, info.Config.FilterSubject))
			continue
		}
		if info.Config.AckPolicy != jetstream.AckExplicitPolicy {
			return nil, fmt.Errorf("consumer %s of stream %s has the ack policy %s, which acknowledges messages that were not moved: explicit was expected", info.Name, stream, info.Config.AckPolicy)
		}
		o.consumers = append(o.consumers, info)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("listing consumers of stream %s: %w", stream, err)
	}
	if len(o.consumers) == 0 {
		slices.Sort(others)
		return nil, fmt.Errorf("consumer %s of stream %s with the subject %s %w; there are: %s", consumer, stream, subject, ErrNotFound, strings.Join(others, ", "))
	}
	return o, nil
}

// Close ends the connection.
func (o *Original) Close() { o.conn.close() }

// Waiting returns how many messages there were to be moved: those that were never
// handed out, and those that were not acknowledged.
func (o *Original) Waiting() (pending uint64, unacknowledged int) {
	for _, c := range o.consumers {
		pending += c.NumPending
		unacknowledged += c.NumAckPending
	}
	return pending, unacknowledged
}

// InUse reports whether workers were waiting for messages.
func (o *Original) InUse() bool {
	return slices.ContainsFunc(o.consumers, func(c *jetstream.ConsumerInfo) bool { return c.NumWaiting > 0 })
}

// Unreadable is a message that is no element.
type Unreadable struct {
	Consumer string `json:"consumer"`
	// Sequence is its number in the old stream.
	Sequence uint64 `json:"sequence"`
	Error    string `json:"error"`
}

// Moved says what a migration has done so far.
type Moved struct {
	// Queued messages were put into the new queue.
	Queued int `json:"queued"`
	// AlreadyQueued messages were in it.
	AlreadyQueued int `json:"already_queued"`
	// Unreadable messages are no elements, and stay where they are.
	Unreadable []Unreadable `json:"unreadable"`
	// Left is how many are still to be moved, unreadable ones aside.
	Left uint64 `json:"left"`
}

// MoveTo moves all messages into the queue, and waits for those that other workers
// hold: until they acknowledge them, or their deadline is over. A message is
// acknowledged in the old stream only when it is in the new one, so that MoveTo may
// be stopped at any time and called again. Report is called now and then. It fails
// if the servers do; what has been moved by then is returned, too.
func (o *Original) MoveTo(ctx context.Context, q *Queue, report func(Moved)) (m Moved, err error) {
	defer func() { err = o.conn.explain(q.conn.explain(err)) }()
	for _, info := range o.consumers {
		consumer, err := o.stream.Consumer(ctx, info.Name)
		if err != nil {
			return m, fmt.Errorf("looking up consumer %s: %w", info.Name, err)
		}
		mv := &mover{q: q, consumer: consumer, moved: &m, bad: map[uint64]jetstream.Msg{}, report: report}
		err = mv.run(ctx)
		mv.giveBackBad()
		if err != nil {
			return m, err
		}
	}
	// What was given back must be on its way before the connection closes.
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return m, o.conn.nc.FlushWithContext(ctx)
}

// mover moves the messages of one consumer.
type mover struct {
	q        *Queue
	consumer jetstream.Consumer
	report   func(Moved)

	mu    sync.Mutex
	moved *Moved
	// bad holds the messages that are no elements, by their sequence.
	bad map[uint64]jetstream.Msg
}

func (mv *mover) run(ctx context.Context) error {
	for done := false; ; {
		info, err := mv.consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("looking up consumer %s: %w", mv.consumer.CachedInfo().Name, err)
		}
		mv.moved.Left = info.NumPending + uint64(max(0, info.NumAckPending-len(mv.bad)))
		mv.report(*mv.moved)
		if mv.moved.Left == 0 {
			if done {
				return nil
			}
			// The server may not have told the consumer of everything yet.
			done = true
			select {
			case <-time.After(settleDown):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		done = false
		if limit := info.Config.MaxAckPending; limit > 0 && len(mv.bad) >= limit {
			return fmt.Errorf("consumer %s hands out no more: %d messages that are no elements fill its max_ack_pending; remove them, and begin again", info.Name, len(mv.bad))
		}
		if err := mv.batch(ctx, int(min(migrateBatch, mv.moved.Left))); err != nil {
			return err
		}
	}
}

func (mv *mover) batch(ctx context.Context, n int) error {
	batch, err := mv.consumer.Fetch(n, jetstream.FetchMaxWait(migrateWait))
	if err != nil {
		return fmt.Errorf("taking from consumer %s: %w", mv.consumer.CachedInfo().Name, err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(migrateParallel)
	for msg := range batch.Messages() {
		group.Go(func() error { return mv.move(groupCtx, msg) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := batch.Error(); err != nil {
		return fmt.Errorf("taking from consumer %s: %w", mv.consumer.CachedInfo().Name, err)
	}
	return ctx.Err()
}

func (mv *mover) move(ctx context.Context, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("reading the number of a message: %w", err)
	}
	var codec ingest.Codec
	if err := codec.Unmarshal(msg.Data()); err != nil {
		mv.keep(meta, msg, err)
		return nil
	}
	err = mv.q.Publish(ctx, codec, nil)
	already := errors.Is(err, ingest.ErrAlreadyQueued)
	if err != nil && !already {
		return err
	}
	if err := msg.DoubleAck(ctx); err != nil {
		return fmt.Errorf("acknowledging message %d of the old stream: %w", meta.Sequence.Stream, err)
	}
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if already {
		mv.moved.AlreadyQueued++
	} else {
		mv.moved.Queued++
	}
	return nil
}

// keep notes a message that is no element. It is handed out again when its deadline
// is over.
func (mv *mover) keep(meta *jetstream.MsgMetadata, msg jetstream.Msg, cause error) {
	mv.mu.Lock()
	defer mv.mu.Unlock()
	if _, known := mv.bad[meta.Sequence.Stream]; !known {
		mv.moved.Unreadable = append(mv.moved.Unreadable, Unreadable{Consumer: meta.Consumer, Sequence: meta.Sequence.Stream, Error: cause.Error()})
	}
	mv.bad[meta.Sequence.Stream] = msg
}

// giveBackBad makes the messages that are no elements available at once. Where that
// fails they are when their deadline is over.
func (mv *mover) giveBackBad() {
	for msg := range maps.Values(mv.bad) {
		_ = msg.Nak()
	}
}
