package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Purge removes the messages that info was told of, with their counts of failed
// attempts. Workers that hold one of them go on with it, and cannot give it back.
// It fails if the stream has settings that could lose objects: it may be another's.
func (q *Queue) Purge(ctx context.Context, info *Info) (err error) {
	defer func() { err = q.conn.explain(err) }()
	stream, err := q.stream(ctx)
	if err != nil {
		return err
	}
	have := stream.CachedInfo().Config
	if err := compatible(&have, &q.cfg); err != nil {
		return err
	}
	if err := purge(ctx, stream, q.cfg.filter(), info.lastMessage); err != nil {
		return err
	}
	attempts, err := lookUpAttempts(ctx, q.conn.js, &q.cfg)
	if err != nil || attempts == nil {
		return err
	}
	return attempts.sweep(ctx, stream)
}

// PurgeDead removes the dead letters that info was told of. It fails with
// ErrNotFound if there is no stream of them.
func (q *Queue) PurgeDead(ctx context.Context, info *Info) error {
	stream, err := q.conn.js.Stream(ctx, q.cfg.deadStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("stream %s %w", q.cfg.deadStream(), ErrNotFound)
	}
	if err == nil {
		err = purge(ctx, stream, q.cfg.deadFilter(), info.lastDead)
	}
	return q.conn.explain(err)
}

// purge removes no message that was stored after the last one: nobody was asked
// about that.
func purge(ctx context.Context, stream jetstream.Stream, filter string, last uint64) error {
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject(filter), jetstream.WithPurgeSequence(last+1)); err != nil {
		return fmt.Errorf("purging stream %s: %w", stream.CachedInfo().Config.Name, err)
	}
	return nil
}
