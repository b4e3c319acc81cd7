package outputs

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // compared with what stores vouch for, no secret
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
)

const (
	fieldKey          = "key"
	fieldOverwrite    = "overwrite"
	fieldStallTimeout = "stall_timeout"

	overwriteChanged = "changed"
	overwriteNever   = "never"
	overwriteAlways  = "always"

	opStat  = "stat"
	opCopy  = "copy"
	opStore = "store"

	// DefaultMaxInFlight is how many objects a store output handles at once.
	DefaultMaxInFlight = 64

	// connectRetry is the pause after a destination could not be reached.
	connectRetry = 3 * time.Second
)

// StoreFields returns the fields that every storing output has.
func StoreFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewInterpolatedStringField(fieldKey).
			Description("The name to store the object under. If empty, the element's name, byte for byte.").
			Default("").
			Example(`${! metadata("ingest_name") }.gz`).
			Example(`${! timestamp_unix().ts_format("2006/01/02") }/${! metadata("ingest_name") }`),
		service.NewStringAnnotatedEnumField(fieldOverwrite, map[string]string{
			overwriteChanged: "Store unless the destination is proved to hold the same content: by equal digests, or its own record of a verified copy.",
			overwriteNever:   "Store only what the destination has nothing of. Something else under the name is left alone, and then the source is never cleaned up.",
			overwriteAlways:  "Store without looking.",
		}).
			Description("What to do where the destination has something under the name.").
			Default(overwriteChanged),
		service.NewDurationField(fieldStallTimeout).
			Description("How long a transfer may go without a byte read or written before it is cancelled and tried again.").
			Default("2m").Advanced(),
		service.NewOutputMaxInFlightField().Default(DefaultMaxInFlight),
	}
}

// StoreMetrics documents the metrics of every storing output.
const StoreMetrics = `
The message must carry an object: a processor such as ` + "`ingest_s3`" + ` goes before. A message that carries none, or that failed in a processor, is refused.

### Metrics

- ` + "`ingest_storage_objects_total`, by `result`" + `: stored, up_to_date (the copy was there), kept (something else was there, and ` + "`overwrite` is `never`" + `), vanished (the object is gone from the source), deleted (so is its copy), error.
- ` + "`ingest_storage_bytes_total`" + `: bytes that were stored.
- ` + "`ingest_storage_operations_total`, by `operation` (stat, copy, store, delete) and `result` (success, error)" + `: what was done at the destination; a copy is one that its server made of an object that it has, too.
- ` + "`ingest_storage_operation_duration_seconds`, by `operation`" + `: how long that took, as a histogram.
`

// Store is an output that stores objects in a Destination.
type Store struct {
	dest      ingest.Destination
	key       *service.InterpolatedString
	overwrite string
	stall     time.Duration
	// verifiesDigest says that the destination does.
	verifiesDigest bool

	connecting          *connecting
	aliases             *aliases
	progress            *progress.Tracker
	objects, bytes, ops *component.Counter
	duration            *component.Histogram
}

// NewStore creates an output from a Destination and the fields of StoreFields.
// It returns how many objects the output handles at once.
func NewStore(dest ingest.Destination, conf *service.ParsedConfig, res *service.Resources) (*Store, int, error) {
	m := res.Metrics()
	s := &Store{
		dest:     dest,
		progress: progress.Of(res),

		connecting: newConnecting(res, dest, connectRetry),
		aliases:    newAliases(dest, res.Logger()),

		objects:  component.NewCounter("ingest_storage_objects_total", m, "result"),
		bytes:    component.NewCounter("ingest_storage_bytes_total", m),
		ops:      component.NewCounter("ingest_storage_operations_total", m, "operation", "result"),
		duration: component.NewHistogram("ingest_storage_operation_duration_seconds", m, "operation"),
	}
	if v, ok := dest.(ingest.DigestVerifier); ok {
		s.verifiesDigest = v.VerifiesDigest()
	}
	s.ops.Zero([]string{opStat, opCopy, opStore, opDelete}, component.Results)
	s.bytes.Zero()
	key, err := conf.FieldString(fieldKey)
	if err != nil {
		return nil, 0, err
	}
	if key != "" {
		if s.key, err = conf.FieldInterpolatedString(fieldKey); err != nil {
			return nil, 0, err
		}
	}
	if s.overwrite, err = conf.FieldString(fieldOverwrite); err != nil {
		return nil, 0, err
	}
	if s.stall, err = conf.FieldDuration(fieldStallTimeout); err != nil {
		return nil, 0, err
	}
	inFlight, err := conf.FieldMaxInFlight()
	return s, inFlight, err
}

// ConnectionTest implements service.ConnectionTestable.
func (s *Store) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	t, ok := s.dest.(ingest.ConnectionTester)
	if !ok {
		return service.ConnectionTestNotSupported().AsList()
	}
	return component.TestResult(t.TestConnection(ctx))
}

// Connect implements service.Output.
func (s *Store) Connect(ctx context.Context) error {
	t, ok := s.dest.(ingest.ConnectionTester)
	if !ok {
		s.connecting.set(nil)
		return nil
	}
	return s.connecting.connect(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, component.ConnectTimeout)
		defer cancel()
		return t.TestConnection(ctx)
	})
}

// Write implements service.Output.
func (s *Store) Write(ctx context.Context, msg *service.Message) error {
	if err := s.connecting.connected(); err != nil {
		return err
	}
	receipt, err := s.write(ctx, msg)
	result := string(receipt.Outcome)
	if err != nil {
		result = "error"
	}
	s.objects.Incr(1, result)
	if err == nil && receipt.Outcome == ingest.OutcomeStored {
		s.bytes.Incr(receipt.Stored.Len)
	}
	return err
}

func (s *Store) write(ctx context.Context, msg *service.Message) (receipt ingest.Receipt, err error) {
	if err := msg.GetError(); err != nil {
		return receipt, fmt.Errorf("the message failed before: %w", err)
	}
	handle, ok := ingest.HandleOf(msg)
	if !ok {
		return receipt, ingest.Permanent(errors.New("the message carries no object: a processor such as ingest_s3 must come before this output, and its metadata must be kept"))
	}
	codec, err := s.codec(handle, msg)
	if err != nil {
		return receipt, err
	}
	ctx, cancel := component.AttemptContext(ctx, msg)
	defer cancel()
	ctx, stop := ingest.WithStallTimeout(ctx, s.stall)
	defer stop()
	defer func() { err = component.StallCause(ctx, err, s.dest, handle) }()
	if err := ctx.Err(); err != nil {
		return receipt, context.Cause(ctx)
	}
	if receipt, err = s.deliver(ctx, handle, codec, msg); err != nil {
		return receipt, err
	}
	if collector, ok := ingest.ReceiptsOf(msg); ok {
		collector.Add(receipt)
		return receipt, nil
	}
	if err := handle.Unchanged(ctx); err != nil {
		return receipt, err
	}
	s.progress.Done(receipt.Outcome)
	return receipt, nil
}

// codec names the object at the destination.
func (s *Store) codec(handle *ingest.Handle, msg *service.Message) (ingest.Codec, error) {
	codec := handle.Codec()
	if s.key != nil {
		key, err := s.key.TryString(msg)
		if err != nil {
			return codec, ingest.Permanent(fmt.Errorf("field %s: %w", fieldKey, err))
		}
		codec.Name = key
	}
	if codec.Name == "" {
		return codec, ingest.Permanent(fmt.Errorf("field %s: the name of %q is empty", fieldKey, codec.ID))
	}
	if l, ok := s.dest.(ingest.Locator); ok {
		if to := l.Location(codec); to != "" && to == handle.Location() {
			return codec, ingest.Permanent(fmt.Errorf("%s would be copied onto itself", to))
		}
	}
	return codec, nil
}

// deliver brings the destination up to date.
func (s *Store) deliver(ctx context.Context, handle *ingest.Handle, codec ingest.Codec, msg *service.Message) (ingest.Receipt, error) {
	apart, err := s.aliases.apart(ctx, handle)
	if err != nil {
		return ingest.Receipt{}, err
	}
	if removed, err := s.remove(ctx, handle, codec, msg); removed || err != nil {
		return ingest.Receipt{Outcome: ingest.OutcomeDeleted}, err
	}
	var held *ingest.Stored
	namesake := !apart && s.namesake(handle, codec)
	if s.overwrite != overwriteAlways && !s.knownAbsent(codec, msg) || namesake {
		if held, err = s.stat(ctx, codec); err != nil && !errors.Is(err, ingest.ErrNotFound) {
			return ingest.Receipt{}, err
		}
	}
	open := opener(msg, handle)
	stat := handle.Stat
	if ingest.HasContent(msg) {
		content, err := contentOf(msg)
		if err != nil {
			return ingest.Receipt{}, err
		}
		open = func(context.Context) (*ingest.Object, error) { return content, nil }
		stat = func(context.Context) (*ingest.Object, error) { return content.Describe(), nil }
	}
	if held != nil {
		src, err := stat(ctx)
		if errors.Is(err, ingest.ErrNotFound) {
			return ingest.Receipt{Outcome: ingest.OutcomeVanished, Stored: held}, nil
		}
		if err != nil {
			return ingest.Receipt{}, err
		}
		namesake = namesake && maybeItself(src, held)
		if s.overwrite != overwriteAlways && !namesake && upToDate(src, held) {
			return ingest.Receipt{Outcome: ingest.OutcomeUpToDate, Stored: held}, s.confirm(ctx, codec)
		}
		if s.overwrite == overwriteNever {
			return ingest.Receipt{Outcome: ingest.OutcomeKept, Stored: held}, nil
		}
	}
	namesake = namesake && held != nil
	if namesake {
		// What is stored now must differ in its time.
		if err := wait(ctx, timeOfObjects); err != nil {
			return ingest.Receipt{}, err
		}
	}
	stored, err := s.copy(ctx, handle, codec, msg)
	if errors.Is(err, errors.ErrUnsupported) {
		stored, err = s.transfer(ctx, open, codec)
	}
	if errors.Is(err, errVanished) {
		if held == nil {
			// An earlier attempt may have stored it and cleaned up.
			held, _ = s.stat(ctx, codec)
		}
		return ingest.Receipt{Outcome: ingest.OutcomeVanished, Stored: held}, nil
	}
	if err != nil {
		return ingest.Receipt{}, err
	}
	if namesake {
		if err := handle.Untouched(ctx); err != nil {
			return ingest.Receipt{}, err
		}
	}
	return ingest.Receipt{Outcome: ingest.OutcomeStored, Stored: stored}, s.confirm(ctx, codec)
}

// errVanished says that the source has no such object.
var errVanished = errors.New("vanished")

// transfer stores what open opens.
func (s *Store) transfer(ctx context.Context, open func(context.Context) (*ingest.Object, error), codec ingest.Codec) (*ingest.Stored, error) {
	obj, err := open(ctx)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil, errVanished
	}
	if err != nil {
		return nil, err
	}
	defer obj.Close() //nolint:errcheck // nothing is written
	stored, err := s.store(ctx, codec, s.watched(ctx, obj))
	if err != nil {
		return nil, fmt.Errorf("storing %q: %w", codec.Name, err)
	}
	return stored, nil
}

// watched returns the object with readers that are checked, and that tell how far
// the transfer is.
func (s *Store) watched(ctx context.Context, obj *ingest.Object) ingest.Object {
	watched := *obj
	watched.Reader = newVerifyingReader(obj, s.progress.Reader(ingest.ProgressReader(ctx, obj.Reader)), !s.verifiesDigest)
	if obj.Range != nil {
		watched.Range = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			body, err := obj.Range(ctx, offset, length)
			if err != nil {
				return nil, err
			}
			return &watchedBody{s.progress.Reader(ingest.ProgressReader(ctx, body)), body}, nil
		}
	}
	return watched
}

type watchedBody struct {
	io.Reader
	io.Closer
}

func (s *Store) stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	start := time.Now()
	held, err := s.dest.Stat(ctx, codec)
	s.count(opStat, start, err)
	return held, err
}

func (s *Store) store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	start := time.Now()
	stored, err := s.dest.Store(ctx, codec, obj)
	if err == nil && stored == nil {
		err = errors.New("the destination does not say what it holds")
	}
	s.count(opStore, start, err)
	return stored, err
}

// count counts an operation at the destination. To find nothing is a success.
func (s *Store) count(operation string, start time.Time, err error) {
	if errors.Is(err, ingest.ErrNotFound) {
		err = nil
	}
	s.ops.Incr(1, operation, component.Result(err))
	s.duration.Observe(time.Since(start), operation)
}

// Confirmer is a Destination that keeps a record beside each object, such as a
// metafile. Confirm is called for every object that is stored or up to date, and
// makes the record where it is missing.
type Confirmer interface {
	Confirm(context.Context, ingest.Codec) error
}

func (s *Store) confirm(ctx context.Context, codec ingest.Codec) error {
	if c, ok := s.dest.(Confirmer); ok {
		return c.Confirm(ctx, codec)
	}
	return nil
}

// contentOf makes an object of a message that holds content.
func contentOf(msg *service.Message) (*ingest.Object, error) {
	data, err := msg.AsBytes()
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(data) //nolint:gosec // as above
	obj := ingest.ObjectFromMetadata(msg.MetaGet)
	return &ingest.Object{
		MimeType: obj.MimeType,
		Len:      int64(len(data)),
		Reader:   bytes.NewReader(data),
		MD5:      sum[:],
	}, nil
}

// Close implements service.Output.
func (s *Store) Close(context.Context) error {
	defer component.TellCounters()
	s.connecting.close()
	return nil
}
