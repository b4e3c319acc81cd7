package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // what S3 checks, no secret
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// cutReader yields some content and then what a broken connection says.
type cutReader struct{ r io.Reader }

func (c *cutReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		err = errors.Join(errors.New("connection broke"), io.ErrUnexpectedEOF)
	}
	return n, err
}

func TestABrokenConnectionIsNotTheEnd(t *testing.T) {
	u := &upload{d: &destination{buffers: newBuffers(1 << 20)}, obj: &ingest.Object{Len: -1, Reader: &cutReader{strings.NewReader("part")}}}
	_, _, err := u.reader(1 << 10)(t.Context())
	require.ErrorContains(t, err, "connection broke")
}

func TestOwnPartSize(t *testing.T) {
	for size, want := range map[int64]int64{
		-1:             16 << 20,
		1 << 30:        16 << 20,
		maxParts << 24: 16<<20 + 1<<20,
		5 << 40:        525 << 20,
	} {
		u := &upload{d: &destination{partSize: 16 << 20}, obj: &ingest.Object{Len: size}}
		got := u.ownPartSize()
		assert.Equal(t, want, got, "%d", size)
		assert.LessOrEqual(t, size, got*maxParts)
	}
}

// A worker that may not go on must not store its version over the one that another
// has stored in the meantime.
func TestSlowPutEndsWithItsLease(t *testing.T) {
	f := newFake(t, "bucket")
	d := f.destination(t, "bucket", "")
	older, newer := strings.Repeat("old", 1000), strings.Repeat("new", 1000)
	begun := make(chan struct{})
	f.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			close(begun)
			f.heal()
		}
		return false
	})
	content, slow := io.Pipe()
	defer content.Close()         //nolint:errcheck // nothing is written
	sum := md5.Sum([]byte(older)) //nolint:gosec // no secret
	lease, lose := context.WithCancelCause(t.Context())
	stored := make(chan error, 1)
	go func() {
		u := &upload{d: d, key: "key", obj: &ingest.Object{Len: int64(len(older)), MD5: sum[:], Reader: content}}
		_, err := u.stream(lease)
		stored <- err
	}()
	_, err := slow.Write([]byte(older[:1]))
	require.NoError(t, err)
	<-begun
	lose(errors.New("lease lost"))
	other, err := d.Store(t.Context(), ingest.NewCodec("key", "key", nil), ingest.Object{Len: int64(len(newer)), Reader: strings.NewReader(newer)})
	require.NoError(t, err)
	go func() {
		_, err := slow.Write([]byte(older[1:]))
		_ = slow.CloseWithError(err)
	}()
	require.Error(t, <-stored)
	held, err := d.Stat(t.Context(), ingest.NewCodec("key", "key", nil))
	require.NoError(t, err)
	assert.Equal(t, other.ETag, held.ETag)
}

// A server may announce any length: it is refused before memory is taken for it.
func TestAbsurdLengthsAreRefused(t *testing.T) {
	for _, size := range []int64{1 << 62, 1<<63 - 1, 1 << 50} {
		u := &upload{d: &destination{partSize: 16 << 20, buffers: newBuffers(1 << 20)}, obj: &ingest.Object{Len: size, Reader: strings.NewReader("")}}
		_, err := u.run(t.Context())
		require.ErrorIs(t, err, ingest.ErrPermanent)
	}
}

// Waiting for memory that slow uploads hold is no stall.
func TestWaitingForMemoryIsProgress(t *testing.T) {
	b := newBuffers(10)
	held, err := b.get(t.Context(), 10)
	require.NoError(t, err)
	ctx, stop := ingest.WithStallTimeout(t.Context(), 3*time.Second)
	defer stop()
	released := time.AfterFunc(5*time.Second, held.release)
	defer released.Stop()
	next, err := b.get(ctx, 10)
	require.NoError(t, err)
	next.release()
	cancelled, cancel := context.WithCancel(t.Context())
	held, err = b.get(t.Context(), 10)
	require.NoError(t, err)
	defer held.release()
	cancel()
	_, err = b.get(cancelled, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestListingsThatGoRoundInACircle(t *testing.T) {
	keys := strings.Fields("a b c d e f g")
	c := &circle{}
	for _, k := range keys {
		require.True(t, c.advances(k))
	}
	found := false
	for range 3 {
		for _, k := range keys[3:] {
			found = found || !c.advances(k)
		}
	}
	assert.True(t, found)
}
