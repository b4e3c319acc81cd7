package s3

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

// minSpread is the smallest object that is read through several connections. When
// the others are done, the first has been sent more than is read of it: a few
// mebibytes, which is to be little of the whole.
const minSpread = 64 << 20

// sender sends one part.
type sender func(ctx context.Context, m *multipart, number int, content *body) (*part, error)

// spread sends the parts of an object in no order, several at once. The body that
// the object was opened with yields parts from the front, and ranges yield them from
// the back, until they meet. A part that fails is tried again alone, by a range.
func (m *multipart) spread(ctx context.Context, send sender) error {
	count := int((m.obj.Len + m.partSize - 1) / m.partSize)
	m.parts = make([]*part, count)
	left := &stretch{end: count}
	group, ctx := errgroup.WithContext(ctx)
	workers := 1
	if !m.sequential() && m.obj.Len >= minSpread {
		workers = min(m.d.parallelParts, count)
	}
	for w := range workers {
		next, content := left.last, io.Reader(nil)
		if w == 0 {
			next, content = left.first, m.content()
		}
		group.Go(func() error {
			for i, ok := next(); ok && ctx.Err() == nil; i, ok = next() {
				err := m.tries(ctx, func() error {
					return m.withPart(ctx, m.span(i), content, func(b *body) (err error) {
						// Whatever comes of it, a range does for the next try.
						rest := content
						content = nil
						if m.parts[i], err = send(ctx, m, i+1, b); err == nil {
							content = rest
						}
						return err
					})
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// span is where a part is in the content.
func (m *multipart) span(i int) span {
	offset := int64(i) * m.partSize
	return span{offset, min(m.partSize, m.obj.Len-offset)}
}

// hashPart reads a part into memory, and sends it with its MD5.
func hashPart(ctx context.Context, m *multipart, number int, content *body) (*part, error) {
	buf, err := m.d.buffers.get(ctx, content.left)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(content, buf.bytes); err != nil {
		buf.release()
		return nil, err
	}
	return m.putHashed(ctx, number, buf)
}

// stretch is a range of parts that shrinks from both ends.
type stretch struct {
	mu         sync.Mutex
	begin, end int
}

func (s *stretch) first() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begin == s.end {
		return 0, false
	}
	s.begin++
	return s.begin - 1, true
}

func (s *stretch) last() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begin == s.end {
		return 0, false
	}
	s.end--
	return s.end, true
}
