package inputs

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
	"github.com/ingest-bundle/ingest/queue"
)

func queueSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Services").
		Summary("Takes elements from the work queue, and gives them back until they are dealt with.").
		Description(`
A message leaves the queue only when the pipeline has delivered it. While it is held, however long a transfer takes, the queue is told that work goes on. A message that fails waits and is tried again; after `+"`max_attempts`"+` failed attempts, or at once if no attempt can succeed, it becomes a dead letter in the stream `+"`<stream>_dead`"+`, with the error. During an outage of a system, consumption pauses and no attempt is counted.

Any number of processes can share one `+"`consumer`"+`.

### Metadata

- `+"`ingest_id`, `ingest_name`"+`: the element.
- `+"`ingest_size`, `ingest_etag`, `ingest_last_modified`, `ingest_content_type`"+`: what the listing knew of the object.
- `+"`ingest_attempt`"+`: 1 plus the failed attempts so far.
- `+"`ingest_deliveries`"+`: how often the queue has delivered the message, for whatever reason.

### Metrics

- `+"`ingest_queue_operations_total`, by `operation` and `result`"+`. With the operation pop, messages that were taken: success, and pulls that failed: error. With ack, messages that are done: success, error. With nak, messages that were not: retry (a failed attempt), outage, changed (the source has moved on), released (at a stop), behind (an older version of its element is in work), dead_letter.
- `+"`ingest_dequeue_attempts_total`, by `result`"+`: success (the message is done), error (it is not, for whatever reason but a stop).
- `+"`ingest_queue_pending`"+`: messages that wait for a worker.
- `+"`ingest_queue_taken`"+`: messages that workers hold, or that wait for their next attempt.
- `+"`ingest_queue_redelivered`"+`: those of them that were delivered more than once.
- `+"`ingest_queue_dead_letters`"+`: messages in the stream of dead letters.
- `+"`ingest_queue_outage`"+`: 1 while this process pauses for an outage, otherwise 0.

`+"`ingest_queue_pending`, `_taken`, `_redelivered` and `_dead_letters`"+` are those of the whole queue, whichever worker tells them, and are read every five seconds.
`).
		Fields(queue.StreamFields()...).
		Fields(queue.ConsumerFields()...).
		Fields(queue.ConnectionFields()...).
		Example("Embedded queue", "One machine needs no other server: the queue lives in a folder.", `
input:
  ingest_queue:
    subject: ingest.photos
    store_dir: /var/lib/ingest/queue
`).
		Example("NATS cluster", "Any number of workers share the consumer.", `
input:
  ingest_queue:
    urls: [ nats://nats-0:4222, nats://nats-1:4222, nats://nats-2:4222 ]
    stream: ingest
    subject: ingest.foo_1-bar_1
    consumer: ingest__foo_1-bar_1
    auth:
      user: ingest
      password: ${NATS_PASSWORD}
`)
}

func init() {
	service.MustRegisterInput("ingest_queue", queueSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
			cfg, err := queue.ConfigFromParsed(conf, res)
			if err != nil {
				return nil, err
			}
			return NewQueue(cfg, res), nil
		})
}

// NewQueue creates an input that takes from a queue.
func NewQueue(opener queue.Opener, res *service.Resources) service.Input {
	tracker := progress.Of(res)
	return &queueInput{
		opener: opener, res: res, progress: tracker.NewQueue(),
		server: tracker.NewDependency(component.NameOf(res, opener)), stop: component.StopOf(res).Input(),
	}
}

type queueInput struct {
	opener queue.Opener
	res    *service.Resources
	// progress knows of the input while it is there.
	progress *progress.Queue
	// server is down until it is reached.
	server *progress.Dependency
	stop   *component.InputStop

	mu  sync.Mutex
	q   ingest.Queue
	sub ingest.Subscription
	// drains is sub for a stop, which waits for no attempt to connect.
	drains atomic.Pointer[ingest.Subscription]
}

func (i *queueInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	cfg, ok := i.opener.(queue.Config)
	if !ok {
		return service.ConnectionTestNotSupported().AsList()
	}
	return component.TestResult(queue.TestConnection(ctx, cfg, i.res))
}

func (i *queueInput) Connect(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	// The engine cancels this context when the pipeline stops, and only then.
	i.stop.Watch(ctx, i.drain)
	if i.sub != nil {
		i.disconnect(ctx)
	}
	err := i.open(ctx)
	i.server.Set(err)
	return err
}

func (i *queueInput) open(ctx context.Context) error {
	q, err := i.opener.Open(ctx, i.res)
	if err != nil {
		return err
	}
	sub, err := q.Subscribe(ctx)
	if err != nil {
		return errors.Join(err, q.Close())
	}
	i.q, i.sub = q, sub
	i.drains.Store(&sub)
	name, _ := queue.NameOf(q)
	i.progress.Connected(name, sub.Backlog)
	return nil
}

func (i *queueInput) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	i.mu.Lock()
	sub := i.sub
	i.mu.Unlock()
	if sub == nil {
		return nil, nil, service.ErrNotConnected
	}
	for {
		deliveries, err := sub.Pop(ctx, 1)
		switch {
		case ctx.Err() != nil:
			for _, d := range deliveries {
				_ = d.Fail(ctx, ctx.Err())
			}
			return nil, nil, ctx.Err()
		case errors.Is(err, io.EOF):
			return nil, nil, service.ErrEndOfInput
		case err != nil:
			i.res.Logger().Errorf("the queue is gone, connecting again: %v", err)
			return nil, nil, service.ErrNotConnected
		}
		d := deliveries[0]
		attempt, settlement := ingest.WithSettlement(d.Context())
		msg, err := deliveryMessage(attempt, d)
		if err == nil {
			return msg, func(ctx context.Context, err error) error {
				if err == nil {
					err = settlement.Finish(ctx)
				}
				return d.Fail(ctx, err)
			}, nil
		}
		// What is no element never enters a pipeline, where a stock output
		// might store it.
		if err := d.Fail(ctx, err); err != nil {
			i.res.Logger().Warnf("%v", err)
		}
	}
}

func deliveryMessage(attempt context.Context, d ingest.Delivery) (*service.Message, error) {
	var codec ingest.Codec
	if err := codec.Unmarshal(d.Data()); err != nil {
		return nil, err
	}
	msg := ingest.NewElementMessage(attempt, codec, d.Data())
	for k, v := range d.Headers() {
		if key, ok := queue.MetaKey(k); ok {
			msg.MetaSetMut(key, v)
		}
	}
	msg.MetaSetMut(ingest.MetaID, codec.ID)
	msg.MetaSetMut(ingest.MetaName, codec.Name)
	msg.MetaSetMut(ingest.MetaDeliveries, strconv.Itoa(d.Deliveries()))
	if attempt, err := d.Attempt(d.Context()); err == nil {
		msg.MetaSetMut(ingest.MetaAttempt, strconv.Itoa(attempt))
	}
	return msg, nil
}

// disconnect gives back what is held.
func (i *queueInput) disconnect(ctx context.Context) {
	if err := i.sub.Close(ctx); err != nil {
		i.res.Logger().Warnf("giving back what is held: %v", err)
	}
	_ = i.q.Close()
	i.q, i.sub = nil, nil
	i.drains.Store(nil)
}

// drain gives back at once what was fetched ahead, while the rest is finished.
func (i *queueInput) drain() {
	if sub := i.drains.Load(); sub != nil {
		(*sub).Drain()
	}
}

// closeTimeout bounds what is said to the server at the end.
const closeTimeout = 5 * time.Second

func (i *queueInput) Close(ctx context.Context) error {
	defer component.TellCounters()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stop.Close()
	i.server.Close()
	i.progress.Close()
	if i.sub == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	i.disconnect(ctx)
	return nil
}
