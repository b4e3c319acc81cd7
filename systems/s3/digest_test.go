package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags are what they are
	"encoding/hex"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// A large object whose MD5 is known is read ahead by ranges, and hashed in order.
func TestLargeObjectWithADigest(t *testing.T) {
	t.Parallel()
	c := newCopying(t, 13)
	sum := md5.Sum(c.content) //nolint:gosec // as above
	c.obj.MD5, c.obj.PartSize = sum[:], 0
	// Memory for two parts is as much as is read and sent at once.
	c.dest.buffers = newBuffers(2 * minPartSize)
	var now, most atomic.Int64
	count := func(w http.ResponseWriter, r *http.Request, f *fakeServer) bool {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		f.honest.ServeHTTP(w, r)
		return true
	}
	c.meddle(func(w http.ResponseWriter, r *http.Request, _ int) bool { return count(w, r, c.to) })
	var ranges atomic.Int64
	c.from.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		ranges.Add(1)
		return count(w, r, c.from)
	})
	_, err := (&upload{d: c.dest, key: "o", obj: c.obj}).inOrder(t.Context(), minPartSize)
	require.NoError(t, err)
	c.requireCopied(t)
	assert.EqualValues(t, 13, ranges.Load(), "the first part comes from the body that is open")
	assert.LessOrEqual(t, most.Load(), int64(2))
	assert.Equal(t, 14, c.hashed)

	other := md5.Sum(nil) //nolint:gosec // as above
	c.open(t, 0)
	c.obj.MD5 = other[:]
	_, err = (&upload{d: c.dest, key: "other", obj: c.obj}).inOrder(t.Context(), minPartSize)
	require.ErrorContains(t, err, "damaged on the way from the source")
	c.requireNothingUnfinished(t)
	assert.Equal(t, 1, c.completions)
}

// A body that breaks off in mid-stream is read on by range, in the same request. A
// request that fails is made again. Another MD5 is refused by the server.
func TestStreamedWhole(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), maxBuffered/16+1)
	for name, tc := range map[string]struct {
		cut, refused bool
		puts         int64
		ranges       []string
	}{
		"at once":        {false, false, 1, nil},
		"read on":        {true, false, 1, []string{"bytes=1000-1048591", "bytes=501000-1048591"}},
		"sent once more": {false, true, 2, []string{"bytes=0-1048591"}},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := newFake(t, "source"), newFake(t, "copy")
			from.put(t, "source", "o", content)
			s, d := from.source(t, "source", ""), to.destination(t, "copy", "")
			obj, err := s.Download(t.Context(), theObject)
			require.NoError(t, err)
			defer obj.Close() //nolint:errcheck // nothing is written
			if tc.cut {
				obj.Reader = &cutReader{io.LimitReader(obj.Reader, 1000)}
				open, first := obj.Range, true
				obj.Range = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
					body, err := open(ctx, offset, length)
					if err == nil && first {
						first = false
						return struct {
							io.Reader
							io.Closer
						}{&cutReader{io.LimitReader(body, 500_000)}, body}, nil
					}
					return body, err
				}
			}
			var puts atomic.Int64
			to.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut {
					return false
				}
				if puts.Add(1) == 1 && tc.refused {
					w.WriteHeader(http.StatusServiceUnavailable)
					return true
				}
				return false
			})
			var ranges []string
			var mu sync.Mutex
			from.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if at := r.Header.Get("Range"); at != "" {
					ranges = append(ranges, at)
				}
				return false
			})
			stored, err := d.Store(t.Context(), theObject, *obj)
			require.NoError(t, err)
			assert.Equal(t, hex.EncodeToString(obj.MD5), stored.ETag)
			assert.Equal(t, tc.puts, puts.Load())
			mu.Lock()
			assert.Equal(t, tc.ranges, ranges)
			mu.Unlock()

			again, err := s.Download(t.Context(), theObject)
			require.NoError(t, err)
			defer again.Close() //nolint:errcheck // nothing is written
			again.MD5 = make([]byte, 16)
			_, err = d.Store(t.Context(), ingest.NewCodec("p", "p", nil), *again)
			require.ErrorContains(t, err, "BadDigest")
			_, err = d.Stat(t.Context(), ingest.NewCodec("p", "p", nil))
			require.ErrorIs(t, err, ingest.ErrNotFound)
		})
	}
}
