package outputs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
	"github.com/ingest-bundle/ingest/internal/share"
)

const (
	fanOutName = "ingest_fan_out"

	fieldOutputs      = "outputs"
	fieldCleanUp      = "clean_up"
	fieldTrustOutputs = "trust_outputs"
	fieldSharedMemory = "shared_memory"
	fieldWebhook      = "webhook"

	defaultSharedMemory = 64 << 20
)

func fanOutSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Utility").
		Summary("Stores each object in every one of the outputs, then cleans up at the source, then tells a webhook.").
		Description(`
All outputs get the same version of the object, in parallel, and all are waited for. If one fails, the message goes back with the errors of all that failed, and at the next attempt the others find their copies up to date.

However many outputs there are, the object is read from the source once. What one output has read and another has not is held in memory, up to `+"`shared_memory`"+`; when that is full, the faster ones wait for the slower ones. An output that reads nothing for 30 seconds is not waited for, and reads on from the source on its own.

Once every output has proved that it holds the object, the source is looked at again. If it has moved on, the message goes back at once; otherwise the version that was copied is cleaned up, if `+"`clean_up`"+` says so, and only then is the message done.

### Metrics

- `+"`ingest_clean_ups_total`, by `result`"+`: success, refused (an output gave no proof), error.
- `+"`ingest_webhook_http_client_requests_total`, by `result`"+`: success, error, dropped (the webhook does not keep up, and is not required).
`).
		Field(service.NewOutputListField(fieldOutputs).
			Description("The outputs that each object is stored in, at least one.")).
		Field(service.NewBoolField(fieldCleanUp).
			Description("Remove the object from the source once every output has proved that it holds it.").
			Default(false)).
		Field(service.NewBoolField(fieldTrustOutputs).
			Description("Clean up also where an output says nothing but that it succeeded, as every output does that is not of this bundle. Such an output must have stored the object safely when it returns.").
			Default(false).Advanced()).
		Field(service.NewIntField(fieldSharedMemory).
			Description("How many bytes of contents may be held because some outputs have read them and others have not, over all objects. One object gets at most an eighth of it.").
			Default(defaultSharedMemory).Advanced().
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`)).
		Field(webhookField(fieldWebhook)).
		Field(service.NewOutputMaxInFlightField().Default(DefaultMaxInFlight)).
		LintRule(`
root = if this.clean_up.or(false) && this.outputs.or([]).any(o -> o.values().any(v -> v.overwrite.or("") == "never").catch(false)) {
  [ "clean_up with an output that has overwrite: never could remove objects that the output keeps another version of: set overwrite to changed, or clean_up to false" ]
}`).
		Example("Two buckets, cleaned up at the source", "", `
output:
  ingest_fan_out:
    outputs:
      - ingest_s3:
          endpoint: a.example.com
          bucket: copy-a
      - ingest_s3:
          endpoint: b.example.com
          bucket: copy-b
          prefix: from-a/
    clean_up: true
    webhook:
      url: http://localhost:8080
`)
}

func init() {
	service.MustRegisterBatchOutput(fanOutName, fanOutSpec(),
		func(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, inFlight int, err error) {
			f, err := newFanOut(conf, res)
			if err != nil {
				return nil, policy, 0, err
			}
			return f, policy, f.inFlight, nil
		})
}

// finishTimeout is how long the source may go without an answer while it is looked
// at once more, and cleaned up.
const finishTimeout = 2 * time.Minute

type fanOut struct {
	inFlight int
	outputs  []*service.OwnedOutput
	// order is held while messages are handed to the outputs.
	order    sync.Mutex
	shares   *share.Group
	cleanUp  bool
	trust    bool
	webhook  *webhook
	cleanUps *component.Counter
	log      *service.Logger
	progress *progress.Tracker

	res  *service.Resources
	stop *component.Stop
	// told is why an output was said not to be connected.
	told string
}

func newFanOut(conf *service.ParsedConfig, res *service.Resources) (*fanOut, error) {
	f := &fanOut{
		cleanUps: component.NewCounter("ingest_clean_ups_total", res.Metrics(), "result"),
		log:      res.Logger(),
		progress: progress.Of(res),
		res:      res,
		stop:     component.StopOf(res),
	}
	var err error
	if f.inFlight, err = conf.FieldMaxInFlight(); err != nil {
		return nil, err
	}
	if f.cleanUp, err = conf.FieldBool(fieldCleanUp); err != nil {
		return nil, err
	}
	if f.trust, err = conf.FieldBool(fieldTrustOutputs); err != nil {
		return nil, err
	}
	if f.webhook, err = newWebhook(conf.Namespace(fieldWebhook), res); err != nil {
		return nil, err
	}
	if f.outputs, err = conf.FieldOutputList(fieldOutputs); err != nil {
		return nil, err
	}
	if len(f.outputs) == 0 {
		return nil, fmt.Errorf("field %s: at least one output was expected", fieldOutputs)
	}
	sharedMemory, err := conf.FieldInt(fieldSharedMemory)
	if err != nil {
		return nil, err
	}
	f.shares = share.NewGroup(len(f.outputs), int64(sharedMemory))
	return f, nil
}

// ConnectionTest implements service.ConnectionTestable.
func (f *fanOut) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	var results service.ConnectionTestResults
	for _, o := range f.outputs {
		results = append(results, o.ConnectionTest(ctx)...)
	}
	return results
}

// Connect implements service.BatchOutput. The outputs connect on their own. Until
// those of the bundle have done so once, nothing is taken that would only wait.
func (f *fanOut) Connect(ctx context.Context) error {
	for _, o := range f.outputs {
		// An output that is running already says so with an error.
		_ = o.PrimeBuffered(f.inFlight)
	}
	f.webhook.start()
	ctx, cancel := f.stop.Context(ctx)
	defer cancel()
	for i := range f.outputs {
		c, ok := connectingAt(f.res, fanOutName, fieldOutputs, strconv.Itoa(i))
		if !ok {
			continue
		}
		if err := c.reached(ctx, f.told); err != nil {
			f.told = err.Error()
			return service.NewErrBackOff(fmt.Errorf("output %d: %w", i, err), time.Millisecond)
		}
	}
	return nil
}

// delivery is one message of a batch on its way to all outputs.
type delivery struct {
	msg *service.Message
	// receipts has a collector for each output.
	receipts []*ingest.Receipts
}

// WriteBatch implements service.BatchOutput. What processors made of one message
// of the queue succeeds as a whole or goes back as a whole, so that an object
// that was split is not cleaned up before its last piece is stored. Where the
// input knows of all batches that were made of a message, the rest waits for
// the last of them; elsewhere a batch is taken for the whole.
func (f *fanOut) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	deliveries := make([]*delivery, len(batch))
	for i, msg := range batch {
		if err := msg.GetError(); err != nil {
			return fmt.Errorf("the message failed before: %w", err)
		}
		if f.cleanUp && ingest.IsDeletion(msg.MetaGet) {
			return ingest.Permanent(fmt.Errorf("with %s the source loses what is copied, and a scan with delete would have the copies deleted: take one of the two away", fieldCleanUp))
		}
		deliveries[i] = &delivery{msg: msg}
	}
	if err := f.store(ctx, deliveries); err != nil {
		return err
	}
	if err := f.distinct(deliveries); err != nil {
		return err
	}
	var whole []*delivery
	for _, d := range deliveries {
		if s, ok := ingest.SettlementOf(d.msg); ok {
			s.Join(f, func() ingest.Finisher { return &settling{fanOut: f} }).(*settling).add(d)
		} else {
			whole = append(whole, d)
		}
	}
	return f.settle(ctx, whole)
}

// settling gathers what was made of one message of the queue.
type settling struct {
	fanOut *fanOut

	mu         sync.Mutex
	deliveries []*delivery
}

func (s *settling) add(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, d)
}

// Finish implements ingest.Finisher.
func (s *settling) Finish(ctx context.Context) error {
	err := s.fanOut.distinct(s.deliveries)
	if err == nil {
		err = s.fanOut.settle(ctx, s.deliveries)
	}
	if err != nil {
		s.fanOut.log.Errorf("what is stored is not finished: %v", err)
	}
	return err
}

// settle does what follows once all is stored.
func (f *fanOut) settle(ctx context.Context, deliveries []*delivery) error {
	if err := f.finish(ctx, deliveries); err != nil {
		return err
	}
	return f.tell(ctx, deliveries)
}

// distinct returns an error if an output stored two messages of a batch under one
// name, so that only the last is left.
func (f *fanOut) distinct(deliveries []*delivery) error {
	for i := range f.outputs {
		seen := map[string]bool{}
		for _, d := range deliveries {
			for _, r := range d.receipts[i].All() {
				if r.Stored == nil || r.Stored.URI == "" {
					continue
				}
				if seen[r.Stored.URI] {
					return ingest.Permanent(fmt.Errorf("output %d stored several messages of a batch as %s: give each a key of its own, from metadata that is set in the pipeline (batch_index() is 0 in an output)", i, r.Stored.URI))
				}
				seen[r.Stored.URI] = true
			}
		}
	}
	return nil
}

// finish looks at the source once more, and cleans up.
func (f *fanOut) finish(ctx context.Context, deliveries []*delivery) error {
	objects := map[*ingest.Handle][]*delivery{}
	for _, d := range deliveries {
		if handle, ok := ingest.HandleOf(d.msg); ok {
			objects[handle] = append(objects[handle], d)
		}
	}
	for handle, of := range objects {
		attempt, cancel := component.AttemptContext(ctx, of[0].msg)
		attempt, stop := ingest.WithStallTimeout(attempt, finishTimeout)
		err := component.StallCause(attempt, f.finishObject(attempt, handle, of), handle)
		stop()
		cancel()
		if err != nil {
			return err
		}
		f.progress.Done(outcomeOf(of))
	}
	return nil
}

// outcomeOf is what became of an object at all outputs together: that of the
// first in this order which one of them reports.
func outcomeOf(of []*delivery) ingest.Outcome {
	reported := map[ingest.Outcome]bool{}
	for _, d := range of {
		for _, collector := range d.receipts {
			for _, r := range collector.All() {
				reported[r.Outcome] = true
			}
		}
	}
	for _, o := range []ingest.Outcome{ingest.OutcomeDeleted, ingest.OutcomeVanished, ingest.OutcomeStored, ingest.OutcomeKept, ingest.OutcomeUpToDate} {
		if reported[o] {
			return o
		}
	}
	// Outputs that say nothing but that they succeeded have stored it.
	return ingest.OutcomeStored
}

func (f *fanOut) finishObject(ctx context.Context, handle *ingest.Handle, of []*delivery) error {
	if !f.cleanUp {
		return handle.Unchanged(ctx)
	}
	for _, d := range of {
		vanished, err := f.proved(d)
		if err != nil {
			f.cleanUps.Incr(1, "refused")
			return ingest.Permanent(fmt.Errorf("%q is not cleaned up: %w", handle.Codec().ID, err))
		}
		if vanished {
			return nil
		}
	}
	// The clean-up itself refuses a version other than the one copied.
	if err := handle.CleanUp(ctx); err != nil {
		f.cleanUps.Incr(1, "error")
		return err
	}
	f.cleanUps.Incr(1, "success")
	f.progress.Removed()
	return nil
}

// proved returns an error unless every output proved that it holds the object,
// or that the source no longer has it.
func (f *fanOut) proved(d *delivery) (vanished bool, err error) {
	for i, collector := range d.receipts {
		receipts := collector.All()
		if len(receipts) == 0 && !f.trust {
			return false, fmt.Errorf("output %d gives no proof of what it holds (see field %s)", i, fieldTrustOutputs)
		}
		for _, r := range receipts {
			switch {
			case r.Outcome == ingest.OutcomeVanished:
				vanished = true
			case r.Outcome == ingest.OutcomeKept:
				return false, fmt.Errorf("output %d keeps something else under the name, and is not to overwrite it", i)
			case !r.Proves():
				return false, fmt.Errorf("output %d did not verify what it holds", i)
			}
		}
	}
	return vanished, nil
}

// tell sends the URIs of what was stored to the webhook. A message that was
// delivered before may have been stored by an attempt that ended before it
// could tell.
func (f *fanOut) tell(ctx context.Context, deliveries []*delivery) error {
	if f.webhook == nil {
		return nil
	}
	var uris []string
	for _, d := range deliveries {
		var of []string
		news := component.DeliveredBefore(d.msg)
		for _, collector := range d.receipts {
			for _, r := range collector.All() {
				if r.Stored != nil && r.Stored.URI != "" {
					of = append(of, r.Stored.URI)
				}
				news = news || r.Outcome == ingest.OutcomeStored
			}
		}
		if news {
			uris = append(uris, of...)
		}
	}
	if len(uris) == 0 {
		return nil
	}
	return f.webhook.send(ctx, uris)
}

// Close implements service.BatchOutput.
func (f *fanOut) Close(ctx context.Context) error {
	defer component.TellCounters()
	errs := []error{f.webhook.close(ctx)}
	for _, o := range f.outputs {
		errs = append(errs, o.Close(ctx))
	}
	return errors.Join(errs...)
}
