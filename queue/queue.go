package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/singleflight"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/progress"
)

// fullRetry is how often a publisher tries again while the queue is full.
const fullRetry = 250 * time.Millisecond

// Queue is an ingest.Queue on a JetStream stream.
type Queue struct {
	cfg     Config
	conn    *connection
	work    jetstream.Stream
	log     *service.Logger
	metrics *metrics
	tracker *progress.Tracker
	// server is down while the connection is lost.
	server *progress.Dependency
	full   onOff
	// provisioning is under way once, however many publishers miss the stream.
	provisioning singleflight.Group
	pace         pace
	// maxAhead is how far a scan may be ahead of the worker in the same process.
	maxAhead int
}

var _ ingest.Queue = (*Queue)(nil)

// Open connects to the servers, or to the one inside this process, and
// provisions the stream. A stream that exists with settings which could lose
// objects is an error. The resources give the logger and the metrics, and may
// be nil.
func Open(ctx context.Context, cfg Config, res *service.Resources) (*Queue, error) {
	q, err := newQueue(ctx, cfg, res)
	if err != nil {
		return nil, err
	}
	if q.work, err = provisionStream(ctx, q.conn.js, &q.cfg); err != nil {
		err = q.conn.explain(err)
		q.disconnect()
		return nil, err
	}
	return q, nil
}

// newQueue connects.
func newQueue(ctx context.Context, cfg Config, res *service.Resources) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	q := &Queue{cfg: cfg, metrics: newMetrics(res), tracker: progress.Of(res), maxAhead: defaultMaxAhead}
	if res != nil {
		q.log = res.Logger()
	}
	var err error
	if q.conn, err = connect(ctx, cfg.Server, q.log); err != nil {
		return nil, err
	}
	q.server = q.tracker.NewDependency(cfg.Server.String())
	q.conn.watch(q.log, q.server.Set)
	return q, nil
}

// TestConnection connects as Open does, but provisions nothing.
func TestConnection(ctx context.Context, cfg Config, res *service.Resources) error {
	q, err := newQueue(ctx, cfg, res)
	if err != nil {
		return err
	}
	defer q.disconnect()
	stream, err := q.conn.js.Stream(ctx, q.cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking up stream %s: %w", q.cfg.Stream, q.conn.explain(err))
	}
	have := stream.CachedInfo().Config
	return compatible(&have, &q.cfg)
}

// Publish implements ingest.Queue. It fails with ingest.ErrTooLarge if the message is
// more than the servers take.
func (q *Queue) Publish(ctx context.Context, codec ingest.Codec, headers map[string]string) error {
	data, err := codec.Marshal()
	if err != nil {
		return err
	}
	if err := q.keepPace(ctx); err != nil {
		return err
	}
	subject, header := elementSubject(q.cfg.Subject, codec.ID), natsHeader(headers)
	// What is queued of the element can be done while this waits, so every try begins
	// anew: versions that wait behind nothing would fill the queue for good.
	return q.whileFull(ctx, func() error {
		err := q.tryPublish(ctx, subject, data, header)
		if errors.Is(err, ingest.ErrAlreadyQueued) {
			return q.publishBehind(ctx, subject, data, header)
		}
		return err
	})
}

// publish waits while the queue is full.
func (q *Queue) publish(ctx context.Context, subject string, data []byte, header nats.Header) error {
	return q.whileFull(ctx, func() error { return q.tryPublish(ctx, subject, data, header) })
}

// whileFull calls try again until the queue has room.
func (q *Queue) whileFull(ctx context.Context, try func() error) error {
	full := false
	for {
		err := try()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ingest.ErrAlreadyQueued):
			q.metrics.result("publish", "already_queued")
			return err
		case full && ctx.Err() != nil:
			return fmt.Errorf("publishing to stream %s, which is full: %w", q.cfg.Stream, ctx.Err())
		case !isFull(err):
			return err
		}
		full = true
		if q.full.switchTo(true) {
			q.log.Warnf("stream %s is full, waiting for it to be worked off: %v", q.cfg.Stream, err)
		}
		select {
		case <-time.After(fullRetry):
		case <-ctx.Done():
		}
	}
}

// tryPublish publishes, or fails. Where no stream takes the subject, it provisions the
// stream anew: two processes that add their subjects at once can each write what the
// other has not read, and the servers have no way to prevent that.
func (q *Queue) tryPublish(ctx context.Context, subject string, data []byte, header nats.Header) error {
	msg := &nats.Msg{Subject: subject, Data: data, Header: header}
	q.conn.await(ctx)
	_, err := q.conn.js.PublishMsg(ctx, msg)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err := q.provision(ctx); err != nil {
			return err
		}
		_, err = q.conn.js.PublishMsg(ctx, msg)
	}
	switch {
	case err == nil:
		q.metrics.count("publish", nil)
		if q.full.switchTo(false) {
			q.log.Infof("stream %s takes messages again", q.cfg.Stream)
		}
		return nil
	case isSubjectTaken(err):
		return ingest.ErrAlreadyQueued
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("publishing to stream %s: %w: %w", q.cfg.Stream, ingest.ErrTooLarge, err)
	case !isFull(err) && ctx.Err() == nil:
		q.metrics.count("publish", err)
	}
	return fmt.Errorf("publishing to stream %s: %w", q.cfg.Stream, err)
}

// provision makes sure that the stream takes the subject, which it did once.
func (q *Queue) provision(ctx context.Context) error {
	_, err, _ := q.provisioning.Do("", func() (any, error) {
		q.log.Warnf("stream %s does not take the subject %s any more, provisioning it anew", q.cfg.Stream, q.cfg.Subject)
		cfg := q.cfg
		return provisionStream(ctx, q.conn.js, &cfg)
	})
	if err != nil {
		return q.conn.explain(err)
	}
	return nil
}

// The server gives all three limits one code, 10077, and only its text tells
// them apart; a full stream read as "already queued" would lose elements.
const jsErrStoreFailed jetstream.ErrorCode = 10077

func storeFailed(err error) (description string, ok bool) {
	var apiErr *jetstream.APIError
	if !errors.As(err, &apiErr) || apiErr.ErrorCode != jsErrStoreFailed {
		return "", false
	}
	return apiErr.Description, true
}

func isSubjectTaken(err error) bool {
	d, ok := storeFailed(err)
	return ok && strings.Contains(d, "maximum messages per subject exceeded")
}

func isFull(err error) bool {
	d, ok := storeFailed(err)
	return ok && (strings.Contains(d, "maximum messages exceeded") || strings.Contains(d, "maximum bytes exceeded"))
}

// Close implements ingest.Queue. The server inside this process stops with its
// last user.
func (q *Queue) Close() error {
	q.disconnect()
	return nil
}

func (q *Queue) disconnect() {
	q.server.Close()
	q.conn.close()
}
