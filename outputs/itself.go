package outputs

import (
	"context"
	"time"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// timeOfObjects is how long it takes until an object that is stored again has
// another time for sure: servers tell times to the second.
const timeOfObjects = 2 * time.Second

// namesake reports whether the object would be stored under the name that it has
// at the source, on a server of another name. That server may be the same one,
// and then clean-up would remove the only copy.
func (s *Store) namesake(handle *ingest.Handle, codec ingest.Codec) bool {
	l, ok := s.dest.(ingest.Locator)
	if !ok {
		return false
	}
	from, host := component.WithoutHost(handle.Location())
	to, _ := component.WithoutHost(l.Location(codec))
	return host != "" && from == to
}

// maybeItself reports whether what the destination holds could be the object at
// the source, and not a copy of it: one object has one time.
func maybeItself(src *ingest.Object, held *ingest.Stored) bool {
	return src != nil && src.ETag == held.ETag && src.ModTime.Truncate(time.Second).Equal(held.ModTime.Truncate(time.Second))
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
