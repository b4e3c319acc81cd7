package share_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/share"
)

// source has one object, and counts what is read of it.
type source struct {
	content []byte
	ranges  bool
	// unannounced says that the length is not known before the end.
	unannounced bool
	// fail is called before every read with the offset.
	fail func(ctx context.Context, offset int) error

	opens, ranged, closed, bytes atomic.Int64
}

func newSource(size int) *source {
	content := make([]byte, size)
	seed := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = seed.Read(content)
	return &source{content: content, ranges: true}
}

func (s *source) open(ctx context.Context) (*ingest.Object, error) {
	s.opens.Add(1)
	obj := &ingest.Object{Len: int64(len(s.content)), ETag: "v1", Reader: &body{Reader: bytes.NewReader(s.content), s: s, ctx: ctx}}
	if s.unannounced {
		obj.Len = -1
	}
	if s.ranges {
		obj.Range = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			s.ranged.Add(1)
			return &body{Reader: bytes.NewReader(s.content[offset : offset+length]), s: s, ctx: ctx, offset: int(offset)}, nil
		}
	}
	return obj, nil
}

type body struct {
	*bytes.Reader
	s      *source
	ctx    context.Context
	offset int
}

// WriteTo hides that of the embedded reader.
func (b *body) WriteTo() {}

func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.s.fail != nil {
		if err := b.s.fail(b.ctx, b.offset); err != nil {
			return 0, err
		}
	}
	n, err := b.Reader.Read(p[:min(len(p), 1+rand.IntN(1<<14))])
	b.s.bytes.Add(int64(n))
	b.offset += n
	return n, err
}

func (b *body) Close() error {
	b.s.closed.Add(1)
	return nil
}

// requireReadOnce asserts that nothing was read twice, and all is closed.
func (s *source) requireReadOnce(t *testing.T) {
	t.Helper()
	assert.EqualValues(t, 1, s.opens.Load(), "opened")
	assert.Zero(t, s.ranged.Load(), "ranges")
	assert.EqualValues(t, len(s.content), s.bytes.Load(), "bytes")
	assert.EqualValues(t, 1, s.closed.Load(), "closed")
}

// readAll opens, reads and closes.
func readAll(ctx context.Context, c *share.Claim) ([]byte, error) {
	defer c.Done()
	obj, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(obj.Reader)
	return content, errors.Join(err, obj.Close())
}

// reading is a reader that is at work.
type reading struct {
	content []byte
	err     error
	done    chan struct{}
}

func start(ctx context.Context, c *share.Claim) *reading {
	r := &reading{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.content, r.err = readAll(ctx, c)
	}()
	return r
}

func (r *reading) running() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

func (r *reading) requireGot(t *testing.T, s *source) {
	t.Helper()
	<-r.done
	require.NoError(t, r.err)
	require.True(t, bytes.Equal(s.content, r.content), "the content is another")
}
