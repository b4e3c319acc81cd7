package outputs

import (
	"cmp"
	"context"
	"errors"
	"sync"
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
		Summary("Puts elements into the work queue, each at most once.").
		Description(`
A message must be the JSON of an element, `+"`{\"id\":\"…\",\"name\":\"…\",\"meta\":\"<base64>\"}`"+`, as the scanning inputs emit it. An element that is pending or in flight is not queued again, and that is no error, unless the listing told of another version than the one in the queue: that is queued behind it, and taken once the older one is done. While the queue is full, the output waits.

What the listing knew of the object travels in headers: metadata with the prefix `+"`ingest_`"+`, `+"`ingest_size` as `Ingest-Size`"+` and so on.

### Metrics

- `+"`ingest_queue_operations_total`, by `operation` (publish) and `result` (success, already_queued, error)"+`.
`).
		Fields(queue.StreamFields()...).
		Field(service.NewOutputMaxInFlightField().Default(QueueMaxInFlight)).
		Fields(queue.ConnectionFields()...).
		Example("Scan a bucket into a queue", "", `
input:
  ingest_s3:
    endpoint: source.example.com
    bucket: source
    interval: 300s
output:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.foo_1-bar_1
`)
}

func init() {
	service.MustRegisterOutput("ingest_queue", queueSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.Output, int, error) {
			cfg, err := queue.ConfigFromParsed(conf, res)
			if err != nil {
				return nil, 0, err
			}
			inFlight, err := conf.FieldMaxInFlight()
			return NewQueue(cfg, res), inFlight, err
		})
}

// queueRetry is the pause after the queue could not be reached.
const queueRetry = time.Second

// QueueMaxInFlight is how many messages are published at once.
const QueueMaxInFlight = 1024

// NewQueue creates an output that puts elements into a queue.
func NewQueue(opener queue.Opener, res *service.Resources) service.Output {
	return &queueOutput{opener: opener, res: res, connecting: newConnecting(res, opener, queueRetry)}
}

type queueOutput struct {
	opener     queue.Opener
	res        *service.Resources
	connecting *connecting

	mu sync.RWMutex
	q  ingest.Queue
	// filled counts what was put into q.
	filled *progress.Filled
}

func (o *queueOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	cfg, ok := o.opener.(queue.Config)
	if !ok {
		return service.ConnectionTestNotSupported().AsList()
	}
	return component.TestResult(queue.TestConnection(ctx, cfg, o.res))
}

func (o *queueOutput) Connect(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.q != nil {
		return nil
	}
	return o.connecting.connect(ctx, func(ctx context.Context) (err error) {
		q, err := o.opener.Open(ctx, o.res)
		if err == nil {
			o.q, o.filled = q, progress.Of(o.res).Fills(queue.NameOf(q))
		}
		return err
	})
}

func (o *queueOutput) Write(ctx context.Context, msg *service.Message) error {
	o.mu.RLock()
	q, filled := o.q, o.filled
	o.mu.RUnlock()
	if q == nil {
		return cmp.Or(o.connecting.connected(), service.ErrNotConnected)
	}
	if err := msg.GetError(); err != nil {
		return err
	}
	codec, err := ingest.ElementOf(msg)
	if err != nil {
		return err
	}
	err = q.Publish(ctx, codec, queue.HeadersFromMeta(msg.MetaGet))
	if _, inline := msg.MetaGet(ingest.MetaInline); inline && errors.Is(err, ingest.ErrTooLarge) {
		o.res.Logger().Debugf("%q travels by reference: %v", codec.ID, err)
		err = q.Publish(ctx, ingest.NewCodec(codec.ID, codec.Name, nil), queue.HeadersFromMeta(withoutInline(msg)))
	}
	switch {
	case err == nil:
		filled.Queued()
	case errors.Is(err, ingest.ErrAlreadyQueued):
		filled.WasQueued()
		return nil
	}
	return err
}

// withoutInline looks up the metadata of an element that travels by reference after all.
func withoutInline(msg *service.Message) func(key string) (string, bool) {
	return func(key string) (string, bool) {
		if key == ingest.MetaInline {
			return "", false
		}
		return msg.MetaGet(key)
	}
}

func (o *queueOutput) Close(context.Context) error {
	defer component.TellCounters()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.connecting.close()
	if o.q == nil {
		return nil
	}
	q := o.q
	o.q = nil
	return q.Close()
}
