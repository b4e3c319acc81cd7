// Package library runs a pipeline inside somebody else's program: the same engine and
// the same components as the binary's, with systems that are values instead of
// registered types.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	// The engine's own parts, such as the metrics exporter that exports nothing.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
	"github.com/ingest-bundle/ingest/internal/registerer"
	"github.com/ingest-bundle/ingest/queue"
)

// Pipeline is what is run.
type Pipeline struct {
	// Queue is open while the pipeline runs.
	Queue queue.Opener
	// Register makes the components known to the environment, which is the
	// pipeline's own. The queue is open when they are constructed.
	Register func(env *service.Environment, q func() ingest.Queue) error
	// Config has the fields input, pipeline and output.
	Config map[string]any

	// Endless pipelines run until their context ends.
	Endless bool
	// Logger is slog.Default() if it is nil.
	Logger *slog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer
	// ShutdownTimeout is how long what is in flight may take to finish.
	ShutdownTimeout time.Duration
}

// DefaultShutdownTimeout is that of the binary.
const DefaultShutdownTimeout = time.Minute

// mapping leaves out the engine's own metrics, and the labels that are the same for
// all of a pipeline. Outputs of the fan-out are told apart by their position.
const mapping = `
root = if !this.has_prefix("ingest_") { deleted() }
meta label = deleted()
meta path = deleted()
meta destination = if this.has_prefix("ingest_storage_") { meta("path").re_find_all("[0-9]+").index(-1) } else { deleted() }
`

// Run runs the pipeline until it ends by itself, or ctx does: then what is in flight
// is finished. It returns what failed for good. The end of ctx is an error too, unless
// the pipeline is endless.
func (p *Pipeline) Run(ctx context.Context) error {
	env := service.GlobalEnvironment().Clone()
	var q ingest.Queue
	if err := p.Register(env, func() ingest.Queue { return q }); err != nil {
		return err
	}
	stream, err := p.build(env)
	if err != nil {
		return err
	}
	tracker := progress.NewTracker()
	tracker.Use(stream.Resources())
	if q, err = p.Queue.Open(ctx, stream.Resources()); err != nil {
		return fmt.Errorf("opening the queue: %w", err)
	}
	err = p.run(ctx, stream)
	if n, first := tracker.Failures(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d failed for good, the first: %w", n, first))
	}
	return errors.Join(err, tracker.Trouble(), q.Close())
}

func (p *Pipeline) run(ctx context.Context, stream *service.Stream) error {
	// Whoever runs this reads the metrics as soon as it has returned.
	defer component.TellCounters()
	err := stream.Run(ctx)
	if ctx.Err() == nil {
		return err
	}
	timeout := p.ShutdownTimeout
	if timeout <= 0 {
		timeout = DefaultShutdownTimeout
	}
	if err := stream.StopWithin(timeout); err != nil {
		return fmt.Errorf("stopping: what was in flight is not finished: %w", err)
	}
	if p.Endless {
		return nil
	}
	return ctx.Err()
}

// Validate finds what is wrong with a queue before it is opened.
func Validate(q queue.Opener) error {
	if q == nil {
		return errors.New("a queue was expected, not nil")
	}
	if v, ok := q.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

func (p *Pipeline) build(env *service.Environment) (*service.Stream, error) {
	exporter := map[string]any{"none": map[string]any{}}
	if p.Metrics != nil {
		if err := registerer.Register(env, p.Metrics); err != nil {
			return nil, err
		}
		exporter = map[string]any{registerer.Name: map[string]any{}, "mapping": mapping}
	}
	config := map[string]any{"metrics": exporter}
	for k, v := range p.Config {
		config[k] = v
	}
	// YAML is a superset of JSON.
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	builder := env.NewStreamBuilder()
	builder.SetStrict(true)
	logger := p.Logger
	if logger == nil {
		logger = slog.Default()
	}
	builder.SetLogger(logger)
	if err := builder.SetYAML(string(text)); err != nil {
		return nil, err
	}
	return builder.Build()
}
