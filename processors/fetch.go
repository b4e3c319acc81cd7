package processors

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the digest that sources vouch for, no secret
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

const (
	fieldOperation    = "operation"
	fieldMaxBytes     = "max_bytes"
	fieldStallTimeout = "stall_timeout"

	opDownload = "download"
	opRead     = "read"
	opStat     = "stat"
	opCleanUp  = "clean_up"
	opInline   = "inline"

	defaultMaxBytes = 64 << 20
)

// FetchFields returns the fields that every fetching processor has.
func FetchFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringAnnotatedEnumField(fieldOperation, map[string]string{
			opDownload: "Attach the object to the message, for the outputs to open; nothing is read yet. The message stays the element's JSON.",
			opRead:     "Replace the message by the object's content, for other processors to work on.",
			opStat:     "Add what the source says of the object as metadata.",
			opInline:   "For a pipeline that enqueues: put the object's content into the queue, along with the element. One that is larger than `max_bytes`, or than the queue allows (256 KiB with its description), or cannot be read now, travels by reference as ever.",
			opCleanUp:  "Remove the version that was read or looked at before from the source. An object that changed since is not removed.",
		}).
			Description("What to do with the element that the message names.").
			Default(opDownload),
		service.NewIntField(fieldMaxBytes).
			Description("The largest object that `read` and `inline` put into a message, in bytes. To `read` a larger one is an error that no retry can fix.").
			Default(defaultMaxBytes).
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
		service.NewDurationField(fieldStallTimeout).
			Description("How long the source may go without an answer, or without a byte, before the operation is cancelled and tried again.").
			Default("2m").Advanced(),
	}
}

// FetchMetadata documents what every fetching processor adds.
const FetchMetadata = `
The message must be the JSON of an element, or carry an object already.

An object that has vanished from the source is no error. ` + "`read`, `stat` and `inline`" + ` drop its message, so that it is done; after ` + "`download`" + ` the outputs find out, and count it.

### Metadata

` + "`read`, `stat` and `inline`" + ` set what the source says of the object: ` + "`ingest_size`, `ingest_etag`, `ingest_last_modified`, `ingest_content_type`" + `. ` + "`inline` also sets `ingest_inline`" + `, the length of the content that is in the message.

### Metrics

- ` + "`ingest_client_operations_total`, by `operation` (download, stat, cleanup) and `result` (success, vanished, changed, error)" + `: what was done at the source, also by the outputs that open the object and clean it up.
`

// Fetch is a processor that applies a Client to the element in a message.
type Fetch struct {
	client    ingest.Client
	operation string
	maxBytes  int64
	stall     time.Duration
	ops       *component.Counter
	log       *service.Logger
}

// NewFetch creates a processor from a Client and the fields of FetchFields.
func NewFetch(client ingest.Client, conf *service.ParsedConfig, res *service.Resources) (*Fetch, error) {
	f := &Fetch{
		client: client,
		ops:    component.NewCounter("ingest_client_operations_total", res.Metrics(), "operation", "result"),
		log:    res.Logger(),
	}
	f.ops.Zero([]string{"download", "cleanup"}, component.Results)
	var err error
	if f.operation, err = conf.FieldString(fieldOperation); err != nil {
		return nil, err
	}
	maxBytes, err := conf.FieldInt(fieldMaxBytes)
	if err != nil {
		return nil, err
	}
	f.maxBytes = int64(maxBytes)
	f.stall, err = conf.FieldDuration(fieldStallTimeout)
	return f, err
}

// ConnectionTest implements service.ConnectionTestable.
func (f *Fetch) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	t, ok := f.client.(ingest.ConnectionTester)
	if !ok {
		return service.ConnectionTestNotSupported().AsList()
	}
	return component.TestResult(t.TestConnection(ctx))
}

// Process implements service.Processor.
func (f *Fetch) Process(ctx context.Context, msg *service.Message) (service.MessageBatch, error) {
	handle, err := f.handle(msg)
	if err != nil {
		return nil, err
	}
	deletion := ingest.IsDeletion(msg.MetaGet)
	switch {
	case f.operation == opDownload:
		ingest.Attach(msg, handle)
		return service.MessageBatch{msg}, nil
	case f.operation == opInline && deletion:
		// It is there to be queued, and not to be fetched.
		return service.MessageBatch{msg}, nil
	}
	ctx, cancel := component.AttemptContext(ctx, msg)
	defer cancel()
	ctx, stop := ingest.WithStallTimeout(ctx, f.stall)
	defer stop()
	switch f.operation {
	case opRead:
		err = f.read(ctx, handle, msg)
	case opStat:
		err = f.stat(ctx, handle, msg)
	case opInline:
		err = f.inline(ctx, handle, msg)
	case opCleanUp:
		err = handle.CleanUp(ctx)
	}
	err = component.StallCause(ctx, err, handle)
	if errors.Is(err, ingest.ErrNotFound) {
		if deletion {
			f.log.Warnf("%q is not deleted at the destinations: that takes the operation %s, and this is %s", handle.Codec().ID, opDownload, f.operation)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return service.MessageBatch{msg}, nil
}

// count counts an operation at the source.
func (f *Fetch) count(operation string, err error) {
	result := "success"
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		result = "vanished"
	case errors.Is(err, ingest.ErrChanged):
		result = "changed"
	case err != nil:
		result = "error"
	}
	f.ops.Incr(1, operation, result)
}

// handle returns the handle that the message carries, or a new one for the
// element that the message is.
func (f *Fetch) handle(msg *service.Message) (*ingest.Handle, error) {
	if handle, ok := ingest.HandleOf(msg); ok {
		return handle, nil
	}
	codec, err := ingest.ElementOf(msg)
	if err != nil {
		return nil, fmt.Errorf("the message is no element: %w", err)
	}
	handle, err := f.elementHandle(codec, msg)
	if err != nil {
		return nil, err
	}
	return handle.Observe(f.count), nil
}

func (f *Fetch) stat(ctx context.Context, handle *ingest.Handle, msg *service.Message) error {
	obj, err := handle.Stat(ctx)
	if err != nil {
		return err
	}
	if obj == nil {
		// The source can only describe what it opens.
		if obj, err = handle.Open(ctx); err != nil {
			return err
		}
		_ = obj.Close()
	}
	describe(msg, obj)
	if !ingest.HasContent(msg) {
		ingest.Attach(msg, handle)
	}
	return nil
}

func (f *Fetch) read(ctx context.Context, handle *ingest.Handle, msg *service.Message) error {
	obj, err := handle.Open(ctx)
	if err != nil {
		return err
	}
	defer obj.Close() //nolint:errcheck // nothing is written
	content, err := contentOf(ctx, handle, obj, f.maxBytes)
	if errors.Is(err, ingest.ErrTooLarge) {
		return ingest.Permanent(fmt.Errorf("reading %q: its content is more than max_bytes, %d", handle.Codec().ID, f.maxBytes))
	}
	if err != nil {
		return err
	}
	msg.SetBytes(content)
	describe(msg, obj)
	ingest.AttachContent(msg, handle)
	return nil
}

// contentOf reads an object whole, and checks what arrived. It fails with
// ingest.ErrTooLarge if that is more than limit bytes.
func contentOf(ctx context.Context, handle *ingest.Handle, obj *ingest.Object, limit int64) ([]byte, error) {
	if obj.Len > limit {
		return nil, ingest.ErrTooLarge
	}
	content, err := io.ReadAll(io.LimitReader(ingest.ProgressReader(ctx, obj.Reader), limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", handle.Codec().ID, err)
	}
	if int64(len(content)) > limit {
		return nil, ingest.ErrTooLarge
	}
	if obj.Len >= 0 && int64(len(content)) != obj.Len {
		return nil, fmt.Errorf("reading %q: %d of %d bytes arrived", handle.Codec().ID, len(content), obj.Len)
	}
	if sum := md5.Sum(content); obj.MD5 != nil && !bytes.Equal(sum[:], obj.MD5) { //nolint:gosec // as above
		return nil, fmt.Errorf("reading %q: the content that arrived is not what the source vouches for", handle.Codec().ID)
	}
	return content, nil
}

func describe(msg *service.Message, obj *ingest.Object) {
	for k, v := range ingest.ObjectMetadata(obj) {
		msg.MetaSetMut(k, v)
	}
}

// Close implements service.Processor.
func (f *Fetch) Close(context.Context) error { return nil }
