package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// ErrNotFound says that there is no such queue, or no such message in it.
var ErrNotFound = errors.New("not found")

// Attach connects to a queue that exists already, for those who only look: it
// provisions nothing. It fails with ErrNotFound where there is no such stream, or
// the stream does not hold the subject. A stream with settings that could lose
// objects is none of its errors: Info warns of them.
func Attach(ctx context.Context, cfg Config, res *service.Resources) (*Queue, error) {
	if err := exists(cfg.Server); err != nil {
		return nil, err
	}
	q, err := newQueue(ctx, cfg, res)
	if err != nil {
		return nil, err
	}
	if _, err := q.stream(ctx); err != nil {
		q.disconnect()
		return nil, err
	}
	return q, nil
}

// exists fails if the server inside this process would begin with an empty folder.
func exists(cfg Server) error {
	if len(cfg.URLs) > 0 {
		return nil
	}
	dir := cfg.StoreDir
	if dir == "" {
		dir = DefaultStoreDir
	}
	_, err := os.Stat(filepath.Join(dir, "jetstream"))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("field store_dir: queue %w in %s", ErrNotFound, dir)
	}
	if err != nil {
		return fmt.Errorf("field store_dir: %w", err)
	}
	return nil
}

// stream looks the stream up, and fails if it does not hold the subject.
func (q *Queue) stream(ctx context.Context) (jetstream.Stream, error) {
	stream, err := q.conn.js.Stream(ctx, q.cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s %w", q.cfg.Stream, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up stream %s: %w", q.cfg.Stream, q.conn.explain(err))
	}
	subjects := stream.CachedInfo().Config.Subjects
	if !slices.ContainsFunc(subjects, func(s string) bool { return covers(s, q.cfg.filter()) }) {
		return nil, fmt.Errorf("subject %s %w: stream %s holds %s", q.cfg.filter(), ErrNotFound, q.cfg.Stream, strings.Join(subjects, ", "))
	}
	return stream, nil
}

// eachMessage calls f for the messages of a stream that match the filter, oldest
// first, until f fails. What is stored while it runs is not seen.
func eachMessage(ctx context.Context, stream jetstream.Stream, filter string, f func(*jetstream.RawStreamMsg) error) error {
	last := stream.CachedInfo().State.LastSeq
	for seq := uint64(1); seq <= last; {
		msg, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading stream %s: %w", stream.CachedInfo().Config.Name, err)
		}
		if msg.Sequence > last {
			return nil
		}
		if err := f(msg); err != nil {
			return err
		}
		seq = msg.Sequence + 1
	}
	return nil
}
