package ingest

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// elementKey is kept out of headers and user metadata by its prefix.
const elementKey = "_ingest_element"

// element is what a message was made of, so that nobody has to parse it again.
type element struct {
	codec Codec
	wire  string
}

// Copy returns e itself: it never changes.
func (e *element) Copy() any { return e }

// NewElementMessage returns a message whose bytes are the wire form of the codec. The
// context is that of the message.
func NewElementMessage(ctx context.Context, codec Codec, wire []byte) *service.Message {
	msg := service.NewMessageWithContext(ctx, wire)
	msg.MetaSetImmut(elementKey, &element{codec: codec, wire: string(wire)})
	return msg
}

// ElementOf returns the Codec that the message's bytes are the wire form of. It fails
// where Codec.Unmarshal does.
func ElementOf(msg *service.Message) (codec Codec, err error) {
	wire, err := msg.AsBytes()
	if err != nil {
		return codec, err
	}
	if v, ok := msg.MetaGetImmut(elementKey); ok {
		// Processors may have put something else in its place.
		if e, ok := v.(*element); ok && e.wire == string(wire) {
			return e.codec, nil
		}
	}
	return codec, codec.Unmarshal(wire)
}
