// Package enqueue puts the elements of a Nexter into a queue, from within a program
// of one's own. It is the enqueue pipeline of the binary, without its configuration:
// the same scan, and the same queue.
package enqueue

import (
	"context"
	"errors"
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
	// Interval is the time from the start of one scan to the start of the next.
	// If it is 0, Enqueue scans once.
	Interval time.Duration
	// Inline puts small contents whole into the queue, in place of references; nil
	// puts none.
	Inline *Inline
	// Metrics gets the metrics, under the names in the documentation; nil leaves
	// them out. Enqueuers that share it count together: tell them apart with
	// prometheus.WrapRegistererWith.
	Metrics prometheus.Registerer
	// Logger is slog.Default() if it is nil.
	Logger *slog.Logger
	// ShutdownTimeout is how long what is being published may take to finish once
	// the context has ended. If it is 0, one minute.
	ShutdownTimeout time.Duration
}

// Inline says which contents travel in the queue. What is larger than MaxBytes, or
// than the queue allows (ingest.MaxInlineMeta, with its description), or what cannot
// be read at the moment, travels by reference.
type Inline struct {
	// Client fetches the contents.
	Client ingest.Client
	// MaxBytes is the largest content.
	MaxBytes int
}

// New creates an Enqueuer that puts the elements of n into a queue, each at most once
// at a time. The queue is a queue.Config, which Enqueue opens and closes, or one that
// is open: queue.Opened. New fails if the configuration of the queue is wrong, and
// connects to nothing.
//
// Enqueue scans once, or every Interval until its context ends, which then is no
// error. It must not be called again before it has returned, since n has one state.
//
//   - An error of n that is marked by ingest.Permanent or ingest.Misconfigured ends a
//     scan that is the only one, and is returned.
//   - After any other error of n the scan goes on, after growing pauses, for as long as
//     the context lasts; Enqueue then returns the error along with the context's. The
//     same holds while the queue is full, or out of reach.
//   - An element that cannot travel on the queue is left out; Enqueue ends with an error.
//   - A queue that cannot be opened is an error at once.
func New(n ingest.Nexter, q queue.Opener, o Options) (ingest.Enqueuer, error) {
	if err := library.Validate(q); err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("a Nexter was expected, not nil")
	}
	if o.Inline != nil && (o.Inline.Client == nil || o.Inline.MaxBytes < 1) {
		return nil, errors.New("Inline: a Client, and MaxBytes of at least 1, were expected")
	}
	return &enqueuer{nexter: n, queue: q, Options: o}, nil
}

type enqueuer struct {
	nexter ingest.Nexter
	queue  queue.Opener
	Options
}

// The components of the pipeline, in its own environment.
const (
	scanInput       = "ingest_nexter"
	inlineProcessor = "ingest_client"
	queueOutput     = "ingest_queue_opened"
)

// Enqueue implements ingest.Enqueuer.
func (e *enqueuer) Enqueue(ctx context.Context) error {
	interval := ""
	if e.Interval > 0 {
		interval = e.Interval.String()
	}
	inline := []any{}
	if e.Inline != nil {
		inline = append(inline, map[string]any{inlineProcessor: map[string]any{
			"operation": "inline", "max_bytes": e.Inline.MaxBytes,
		}})
	}
	p := &library.Pipeline{
		Queue:    e.queue,
		Register: e.register,
		Config: map[string]any{
			"input":    map[string]any{scanInput: map[string]any{"interval": interval}},
			"pipeline": map[string]any{"processors": inline},
			"output":   map[string]any{queueOutput: map[string]any{}},
		},
		Endless:         e.Interval > 0,
		Logger:          e.Logger,
		Metrics:         e.Metrics,
		ShutdownTimeout: e.ShutdownTimeout,
	}
	return p.Run(ctx)
}

func (e *enqueuer) register(env *service.Environment, q func() ingest.Queue) error {
	scan := service.NewConfigSpec().Fields(inputs.ScanFields()...)
	fetch := service.NewConfigSpec().Fields(processors.FetchFields()...)
	return errors.Join(
		env.RegisterProcessor(inlineProcessor, fetch, func(conf *service.ParsedConfig, res *service.Resources) (service.Processor, error) {
			return processors.NewFetch(e.Inline.Client, conf, res)
		}),
		env.RegisterInput(scanInput, scan, func(conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
			return inputs.NewScan(e.nexter, conf, res)
		}),
		env.RegisterOutput(queueOutput, service.NewConfigSpec(), func(_ *service.ParsedConfig, res *service.Resources) (service.Output, int, error) {
			return outputs.NewQueue(queue.Opened(q()), res), outputs.QueueMaxInFlight, nil
		}),
	)
}
