package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags and Content-MD5 are what they are
	"fmt"
	"hash"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/ingest-bundle/ingest"
)

// inOrder uploads the object in parts of a size that are read one after the other,
// or ahead of each other by range, so that the whole can be hashed on the way: where
// the source vouches for an MD5, it is compared before the upload is completed.
func (u *upload) inOrder(ctx context.Context, partSize int64) (*ingest.Stored, error) {
	var next nextPart
	if !u.sequential() && u.obj.Len >= minSpread {
		var stop func()
		next, stop = u.ahead(ctx, partSize)
		defer stop()
	} else {
		next = u.reader(partSize)
	}
	first, end, err := next(ctx)
	if err != nil {
		return nil, err
	}
	if end && u.obj.PartSize == 0 {
		// The content turns out to fit into one part.
		if size := int64(len(first.bytes)); u.obj.Len >= 0 && size != u.obj.Len {
			first.release()
			return nil, fmt.Errorf("storing %q: %d of %d bytes arrived", u.key, size, u.obj.Len)
		}
		stored, err := u.put(ctx, first.bytes)
		first.spoilt = err != nil
		first.release()
		return stored, err
	}
	taken := false
	stored, err := u.multipart(ctx, partSize, func(ctx context.Context, m *multipart) error {
		taken = true
		return m.inOrder(ctx, first, end, next)
	})
	if !taken {
		first.release()
	}
	return stored, err
}

// nextPart yields the next part, and says whether the content ends with it.
type nextPart func(context.Context) (buf *buffer, end bool, err error)

// inOrder sends the parts as they come, several at once.
func (m *multipart) inOrder(ctx context.Context, buf *buffer, end bool, next nextPart) error {
	var whole hash.Hash
	if m.obj.MD5 != nil {
		whole = md5.New() //nolint:gosec // as above
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(m.d.parallelParts)
	for number := 1; ; number++ {
		if number > maxParts {
			buf.release()
			_ = group.Wait()
			return ingest.Permanent(fmt.Errorf("storing %q: the content has more than %d parts of %d bytes: set field %s higher", m.key, maxParts, m.partSize, fieldPartSize))
		}
		if whole != nil {
			whole.Write(buf.bytes)
		}
		at, content := &part{}, buf
		m.parts = append(m.parts, at)
		group.Go(func() error {
			p, err := m.putHashed(groupCtx, number, content)
			*at = *p
			return err
		})
		if end {
			break
		}
		var err error
		if buf, end, err = next(groupCtx); err != nil {
			// A part that failed cancels the reading, and is the reason.
			if failed := group.Wait(); failed != nil {
				err = failed
			}
			return err
		}
		if end && len(buf.bytes) == 0 {
			buf.release()
			break
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if whole != nil && !bytes.Equal(whole.Sum(nil), m.obj.MD5) {
		return fmt.Errorf("storing %q: damaged on the way from the source: the MD5 is %x and was announced as %x", m.key, whole.Sum(nil), m.obj.MD5)
	}
	return nil
}

// reader yields parts from the object's Reader.
func (u *upload) reader(partSize int64) nextPart {
	content := u.content()
	return func(ctx context.Context) (*buffer, bool, error) {
		buf, err := u.d.buffers.get(ctx, partSize)
		if err != nil {
			return nil, false, err
		}
		n, err := io.ReadFull(content, buf.bytes)
		buf.bytes = buf.bytes[:n]
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF: //nolint:errorlint // only ReadFull's own are the end; a broken connection wraps the second
			return buf, true, nil
		case err != nil:
			buf.release()
			return nil, false, err
		}
		return buf, false, nil
	}
}

// fetched is a part that was read, or why not.
type fetched struct {
	buf *buffer
	err error
}

// ahead yields parts from ranges, several of which are read at once. Memory is
// taken in the order of the parts, so that the first that is wanted always has it.
func (u *upload) ahead(ctx context.Context, partSize int64) (next nextPart, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	m := &multipart{upload: u, partSize: partSize}
	content := u.content()
	parts := make(chan chan fetched, u.d.parallelParts-1)
	go func() {
		defer close(parts)
		for i := 0; m.span(i).length > 0; i++ {
			part := make(chan fetched, 1)
			select {
			case parts <- part:
			case <-ctx.Done():
				return
			}
			buf, err := u.d.buffers.get(ctx, m.span(i).length)
			if err != nil {
				part <- fetched{err: err}
				return
			}
			from := content
			content = nil
			go func() { part <- u.fetch(ctx, m.span(i), from, buf) }()
		}
	}()
	read := int64(0)
	next = func(ctx context.Context) (*buffer, bool, error) {
		select {
		case part, ok := <-parts:
			if !ok {
				return nil, false, context.Cause(ctx)
			}
			f := <-part
			if f.err != nil {
				return nil, false, f.err
			}
			read += int64(len(f.buf.bytes))
			return f.buf, read == u.obj.Len, nil
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	return next, func() {
		cancel()
		for part := range parts {
			if f := <-part; f.buf != nil {
				f.buf.release()
			}
		}
	}
}

// fetch reads a part into the buffer, from the reader at the first try if there is
// one.
func (u *upload) fetch(ctx context.Context, part span, r io.Reader, buf *buffer) fetched {
	err := u.tries(ctx, func() error {
		return u.withPart(ctx, part, r, func(b *body) error {
			r = nil
			_, err := io.ReadFull(b, buf.bytes)
			return err
		})
	})
	if err != nil {
		buf.release()
		return fetched{err: err}
	}
	return fetched{buf: buf}
}
