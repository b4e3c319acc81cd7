package outputs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

const opDelete = "delete"

// remove deletes what the destination holds of an element that a scan saw there and
// not at the source, once the source has said itself that it is gone. It reports
// false where it deletes nothing; the element is then one like any other, and is
// stored if the source has it.
func (s *Store) remove(ctx context.Context, handle *ingest.Handle, codec ingest.Codec, msg *service.Message) (bool, error) {
	deleter, ok := s.dest.(ingest.Deleter)
	if !ok || !ingest.IsDeletion(msg.MetaGet) || ingest.HasContent(msg) || !s.seenHere(codec, msg) {
		return false, nil
	}
	if s.key != nil {
		return false, ingest.Permanent(fmt.Errorf("%q is not deleted: with field %s nobody knows what it is called at the source", codec.Name, fieldKey))
	}
	held, err := s.stat(ctx, codec)
	if errors.Is(err, ingest.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = handle.Stat(ctx)
	if !errors.Is(err, ingest.ErrNotFound) {
		return false, err
	}
	start := time.Now()
	err = deleter.Delete(ctx, codec, held)
	s.count(opDelete, start, err)
	if err != nil {
		return false, fmt.Errorf("deleting %q: %w", codec.Name, err)
	}
	return true, nil
}

// seenHere reports whether it was this destination that the scan saw the element at.
func (s *Store) seenHere(codec ingest.Codec, msg *service.Message) bool {
	at, _ := msg.MetaGet(ingest.MetaDeleteAt)
	return s.hasToken(codec, at)
}

// hasToken reports whether a list of tokens has that of this destination.
func (s *Store) hasToken(codec ingest.Codec, tokens string) bool {
	l, ok := s.dest.(ingest.Locator)
	return ok && slices.Contains(strings.Split(tokens, ","), ingest.AbsenceToken(l.Location(codec)))
}
