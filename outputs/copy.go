package outputs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// copy has the destination's server store the object, if that has it, too. Content
// that is in the message is not what the source has.
func (s *Store) copy(ctx context.Context, handle *ingest.Handle, codec ingest.Codec, msg *service.Message) (*ingest.Stored, error) {
	copier, ok := s.dest.(ingest.Copier)
	if !ok || ingest.HasContent(msg) {
		return nil, errors.ErrUnsupported
	}
	stored, err := handle.CopyTo(ctx, countedCopier{copier, s, msg}, codec)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil, errVanished
	}
	return stored, err
}

// countedCopier counts the copies of a Copier.
type countedCopier struct {
	ingest.Copier
	s   *Store
	msg *service.Message
}

func (c countedCopier) Copy(ctx context.Context, client ingest.Client, element, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	leave(c.msg)
	start := time.Now()
	stored, err := c.Copier.Copy(ctx, client, element, codec, obj)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	c.s.count(opCopy, start, err)
	if err != nil {
		return nil, fmt.Errorf("copying %q: %w", codec.Name, err)
	}
	c.s.progress.Copied(stored.Len)
	return stored, nil
}
