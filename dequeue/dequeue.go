// Package dequeue moves the objects that a queue names from a Client to Destinations,
// from within a program of one's own. It is the dequeue pipeline of the binary,
// without its configuration: the same queue, the same verified copies, the same
// clean-up on proof. See docs/delivery-contract.md for what it promises.
package dequeue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/inputs"
	"github.com/ingest-bundle/ingest/internal/library"
	"github.com/ingest-bundle/ingest/outputs"
	"github.com/ingest-bundle/ingest/processors"
	"github.com/ingest-bundle/ingest/queue"
)

// Options are what may be left out.
type Options struct {
	// Concurrency is how many objects are moved at once. If it is 0, it is
	// outputs.DefaultMaxInFlight. How many messages are fetched ahead of that is the
	// Prefetch of the queue.
	Concurrency int
	// CleanUp calls the Client's CleanUp for what all destinations have verified.
	CleanUp bool
	// Webhook is a URL to POST a JSON array of the URIs of what was stored to.
	Webhook string
	// WebhookRequired keeps a message in the queue until the webhook has answered
	// with success. Otherwise a failure of the webhook is logged and counted.
	WebhookRequired bool
	// Metrics gets the metrics, under the names in the documentation; nil leaves
	// them out. Dequeuers that share it count together: tell them apart with
	// prometheus.WrapRegistererWith. The label destination is the position of a
	// Destination.
	Metrics prometheus.Registerer
	// Logger is slog.Default() if it is nil.
	Logger *slog.Logger
	// ShutdownTimeout is how long what is in flight may take to finish once the
	// context has ended; the rest goes back to the queue. If it is 0, one minute.
	ShutdownTimeout time.Duration
}

// New creates a Dequeuer that moves what a queue names from c to all destinations. The
// queue is a queue.Config, which Dequeue opens and closes, or one that is open:
// queue.Opened. New fails if the configuration of the queue is wrong or there is no
// destination, and connects to nothing.
//
// Dequeue works until its context ends. It returns nil if what was in flight was
// finished and no message became a dead letter, and an error otherwise. A queue that
// cannot be opened is an error at once; after that, failures of the queue, of c and of
// the destinations are tried again, as the kinds of their errors demand (see
// ingest.KindOf).
func New(c ingest.Client, destinations []ingest.Destination, q queue.Opener, o Options) (ingest.Dequeuer, error) {
	if err := library.Validate(q); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("a Client was expected, not nil")
	}
	if len(destinations) == 0 {
		return nil, errors.New("at least one Destination was expected")
	}
	if o.Concurrency <= 0 {
		o.Concurrency = outputs.DefaultMaxInFlight
	}
	return &dequeuer{client: c, destinations: destinations, queue: q, Options: o}, nil
}

type dequeuer struct {
	client       ingest.Client
	destinations []ingest.Destination
	queue        queue.Opener
	Options
}

// The components of the pipeline, in its own environment.
const (
	queueInput     = "ingest_queue_opened"
	fetchProcessor = "ingest_client"
	storeOutput    = "ingest_destination_%d"
)

// Dequeue implements ingest.Dequeuer.
func (d *dequeuer) Dequeue(ctx context.Context) error {
	var stores []any
	for i := range d.destinations {
		stores = append(stores, map[string]any{
			fmt.Sprintf(storeOutput, i): map[string]any{"max_in_flight": d.Concurrency},
		})
	}
	p := &library.Pipeline{
		Queue:    d.queue,
		Register: d.register,
		Config: map[string]any{
			"input":    map[string]any{queueInput: map[string]any{}},
			"pipeline": map[string]any{"processors": []any{map[string]any{fetchProcessor: map[string]any{}}}},
			"output": map[string]any{"ingest_fan_out": map[string]any{
				"outputs":       stores,
				"clean_up":      d.CleanUp,
				"webhook":       map[string]any{"url": d.Webhook, "required": d.WebhookRequired},
				"max_in_flight": d.Concurrency,
			}},
		},
		Endless:         true,
		Logger:          d.Logger,
		Metrics:         d.Metrics,
		ShutdownTimeout: d.ShutdownTimeout,
	}
	return p.Run(ctx)
}

func (d *dequeuer) register(env *service.Environment, q func() ingest.Queue) error {
	fetch := service.NewConfigSpec().Fields(processors.FetchFields()...)
	errs := []error{
		env.RegisterInput(queueInput, service.NewConfigSpec(), func(_ *service.ParsedConfig, res *service.Resources) (service.Input, error) {
			return inputs.NewQueue(queue.Opened(q()), res), nil
		}),
		env.RegisterProcessor(fetchProcessor, fetch, func(conf *service.ParsedConfig, res *service.Resources) (service.Processor, error) {
			return processors.NewFetch(d.client, conf, res)
		}),
	}
	for i, dest := range d.destinations {
		store := service.NewConfigSpec().Fields(outputs.StoreFields()...)
		errs = append(errs, env.RegisterOutput(fmt.Sprintf(storeOutput, i), store, func(conf *service.ParsedConfig, res *service.Resources) (service.Output, int, error) {
			return outputs.NewStore(dest, conf, res)
		}))
	}
	return errors.Join(errs...)
}
