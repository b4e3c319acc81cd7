package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/ingest-bundle/ingest"
)

const (
	// partTries is how often one part is tried before its object fails.
	partTries = 3
	// partPause is the pause before the second try; it doubles.
	partPause = 200 * time.Millisecond
)

// span is a range of an object's content.
type span struct{ offset, length int64 }

// body is content on its way from socket to socket. It yields as much as it should
// or an error, and remembers that: net/http and minio-go do not always pass it on.
type body struct {
	r    io.Reader
	mu   sync.Mutex
	left int64
	err  error
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	left, err := b.left, b.err
	b.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), left)])
	left -= int64(n)
	if err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		err = nil
		if left > 0 {
			err = fmt.Errorf("the content ended %d bytes early: %w", left, io.ErrUnexpectedEOF)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.err = left, err
	return n, err
}

// failure returns what reading failed with.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// sent returns nil if all of the content was taken, though a request succeeded.
func (b *body) sent() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left > 0 {
		return fmt.Errorf("%w: %d bytes were not taken", errUnverified, b.left)
	}
	return b.err
}

// withPart calls f with the content of the span: what comes next from the reader, or,
// where that is nil, a range of the object.
func (u *upload) withPart(ctx context.Context, part span, r io.Reader, f func(*body) error) error {
	if r == nil {
		if u.obj.Range == nil {
			return errNotAgain
		}
		opened, err := u.obj.Range(ctx, part.offset, part.length)
		if err != nil {
			return err
		}
		defer opened.Close() //nolint:errcheck // nothing is written
		r = opened
	}
	b := &body{r: r, left: part.length}
	if err := f(b); err != nil {
		return err
	}
	return b.sent()
}

// errNotAgain says that the content can be read only once.
var errNotAgain = errors.New("the source cannot be read once more")

// tries calls f until it succeeds, a small number of times, unless its error will not
// pass. Only the last error is returned.
func (u *upload) tries(ctx context.Context, f func() error) error {
	var last error
	for try := range partTries {
		err := f()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNotAgain) && last != nil:
			return last
		case ctx.Err() != nil || !passes(err):
			return err
		}
		last = err
		if try == partTries-1 {
			break
		}
		if errors.Is(err, errUnverified) {
			u.d.log.Warnf("trying again: %v", err)
		}
		select {
		case <-time.After(partPause << try):
		case <-ctx.Done():
			return err
		}
	}
	return &triedError{last}
}

// triedError is what all tries ended with. Whoever tries more than this does not
// begin again with it.
type triedError struct{ error }

func (e *triedError) Unwrap() error { return e.error }

// passes reports whether an error may be gone at the next try.
func passes(err error) bool {
	var tried *triedError
	if errors.As(err, &tried) {
		return false
	}
	for _, kind := range []error{ingest.ErrChanged, ingest.ErrNotFound, ingest.ErrPermanent, ingest.ErrMisconfigured, errNoRange, errOtherParts, errors.ErrUnsupported} {
		if errors.Is(err, kind) {
			return false
		}
	}
	resp, ok := response(err)
	switch {
	case !ok || resp.StatusCode < http.StatusBadRequest || resp.StatusCode >= http.StatusInternalServerError:
		return true
	case resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode == http.StatusTooManyRequests:
		return true
	}
	return damagedCodes[resp.Code]
}

// damagedCodes say that a request did not arrive as it was sent.
var damagedCodes = codes("BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch")
