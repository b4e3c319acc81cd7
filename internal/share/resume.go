package share

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ingest-bundle/ingest"
)

const (
	// resumeTries is how often reading goes on at one position before it fails.
	resumeTries = 3
	// resumePause is the pause before the first of them; it doubles.
	resumePause = 200 * time.Millisecond
)

// resuming reads an object's content. Where that breaks off it goes on with a range
// of the same version, since a failure would be that of all readers.
type resuming struct {
	ctx   context.Context
	obj   *ingest.Object
	from  io.Reader
	rest  io.Closer
	pos   int64
	tries int
}

func (r *resuming) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.pos += int64(n)
	if n > 0 {
		r.tries = 0
	}
	for err != nil && r.canResume(err) {
		err = r.resume(err)
	}
	return n, err
}

// canResume reports whether there is more to be had after the error.
func (r *resuming) canResume(err error) bool {
	for _, kind := range []error{ingest.ErrChanged, ingest.ErrNotFound, ingest.ErrPermanent, ingest.ErrMisconfigured, errors.ErrUnsupported} {
		if errors.Is(err, kind) {
			return false
		}
	}
	return r.obj.Range != nil && r.pos < r.obj.Len && r.tries < resumeTries && r.ctx.Err() == nil
}

func (r *resuming) resume(err error) error {
	select {
	case <-time.After(resumePause << r.tries):
	case <-r.ctx.Done():
		return err
	}
	r.tries++
	rest, err := r.obj.Range(r.ctx, r.pos, r.obj.Len-r.pos)
	if err != nil {
		return err
	}
	_ = r.close()
	r.from, r.rest = rest, rest
	return nil
}

func (r *resuming) close() error {
	if r.rest == nil {
		return nil
	}
	return r.rest.Close()
}
