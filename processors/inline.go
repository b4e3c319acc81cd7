package processors

import (
	"context"
	"errors"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// inline puts a small content into the element's message. What cannot travel so, for
// whatever reason but that it vanished, travels by reference.
func (f *Fetch) inline(ctx context.Context, handle *ingest.Handle, msg *service.Message) error {
	err := f.putContent(ctx, handle, msg)
	if err == nil || errors.Is(err, ingest.ErrNotFound) {
		return err
	}
	if !errors.Is(err, ingest.ErrTooLarge) {
		f.log.Warnf("%q travels by reference: %v", handle.Codec().ID, err)
	}
	return nil
}

func (f *Fetch) putContent(ctx context.Context, handle *ingest.Handle, msg *service.Message) error {
	limit := min(f.maxBytes, ingest.MaxInlineMeta)
	if ingest.ObjectFromMetadata(msg.MetaGet).Len > limit || len(handle.Codec().Meta) > 0 {
		return ingest.ErrTooLarge
	}
	obj, err := handle.Open(ctx)
	if err != nil {
		return err
	}
	defer obj.Close() //nolint:errcheck // nothing is written
	content, err := contentOf(ctx, handle, obj, limit)
	if err != nil {
		return err
	}
	codec, err := handle.Codec().WithContent(obj, content)
	if err != nil {
		return err
	}
	data, err := codec.Marshal()
	if err != nil {
		return err
	}
	msg.SetBytes(data)
	describe(msg, obj)
	msg.MetaSetMut(ingest.MetaInline, strconv.Itoa(len(content)))
	return nil
}

// elementHandle returns a handle for the element. The content that its message may
// carry is that of the scan: once an attempt has failed, the source is asked for what
// it has now.
func (f *Fetch) elementHandle(codec ingest.Codec, msg *service.Message) (*ingest.Handle, error) {
	if length, _ := msg.MetaGet(ingest.MetaInline); length == "" {
		return ingest.NewHandle(f.client, codec).Listed(ingest.ObjectFromMetadata(msg.MetaGet)), nil
	}
	reference, obj, content, err := codec.Content()
	if err != nil {
		return nil, err
	}
	if component.DeliveredBefore(msg) {
		return ingest.NewHandle(f.client, reference), nil
	}
	return ingest.NewInlineHandle(f.client, reference, obj, content), nil
}
