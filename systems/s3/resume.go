package s3

import (
	"context"
	"io"
	"sync"
	"time"
)

// resuming reads an object to its end. Where the connection breaks it goes on from
// there by range, so that what was sent of the object need not be sent again.
type resuming struct {
	ctx    context.Context
	u      *upload
	offset int64
	broken int
	// r is nil where a range is to be opened.
	r io.Reader
	// mu guards what follows: net/http may still read when the request is over.
	mu     sync.Mutex
	opened io.Closer
	closed bool
}

func (s *resuming) Read(p []byte) (int, error) {
	for {
		n, err := s.read(p)
		s.offset += int64(n)
		if err == nil || s.offset == s.u.obj.Len {
			return n, err
		}
		if s.broken++; s.u.obj.Range == nil || s.broken >= partTries || s.ctx.Err() != nil || !passes(err) {
			return n, err
		}
		s.r = nil
		if n > 0 {
			return n, nil
		}
		select {
		case <-time.After(partPause << (s.broken - 1)):
		case <-s.ctx.Done():
			return 0, err
		}
	}
}

func (s *resuming) read(p []byte) (int, error) {
	if s.r == nil {
		if s.u.obj.Range == nil {
			return 0, errNotAgain
		}
		opened, err := s.u.obj.Range(s.ctx, s.offset, s.u.obj.Len-s.offset)
		if err != nil {
			return 0, err
		}
		s.r = opened
		s.keep(opened)
	}
	return s.r.Read(p)
}

// keep closes what was open before, and what is opened now if the end came first.
func (s *resuming) keep(opened io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		_ = s.opened.Close()
	}
	if s.opened = opened; s.closed {
		_ = opened.Close()
	}
}

// close closes the range that is open, if one is.
func (s *resuming) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.opened != nil {
		_ = s.opened.Close()
	}
}
