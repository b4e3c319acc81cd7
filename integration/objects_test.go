package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// object is a test object whose content follows from its key and revision.
type object struct {
	key      string
	revision int
	size     int64
	mime     string
}

func (o object) reader() io.Reader {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s#%d", o.key, o.revision))
	return io.LimitReader(rand.NewChaCha8(seed), o.size)
}

// origin is the object's user metadata.
func (o object) origin() string { return fmt.Sprintf("ünï %x", crc32.ChecksumIEEE([]byte(o.key))) }

func (o object) put(ctx context.Context, s *s3Server, bucket string) error {
	mime := o.mime
	if mime == "" {
		mime = "application/x-test"
	}
	_, err := s.Client.PutObject(ctx, bucket, o.key, o.reader(), o.size, minio.PutObjectOptions{
		ContentType:  mime,
		UserMetadata: map[string]string{"Origin": o.origin()},
		CacheControl: "max-age=7",
		NumThreads:   1,
	})
	return err
}

// lognormal returns objects of sizes from 0 B to 200 MiB, most of them small.
func lognormal(n int, prefix string) []object {
	r := rand.New(rand.NewPCG(1, 2))
	objects := make([]object, n)
	for i := range objects {
		size := int64(math.Exp(9 + 2.3*r.NormFloat64()))
		switch {
		case i == 0:
			size = 200 << 20
		case i%500 == 1:
			size = 0
		}
		objects[i] = object{key: fmt.Sprintf("%s%03d/object %d", prefix, i%100, i), size: min(size, 200<<20), mime: fmt.Sprintf("application/x-test-%d", i%7)}
	}
	return objects
}

// small returns n objects of a few bytes each.
func small(n int, prefix string) []object {
	objects := make([]object, n)
	for i := range objects {
		objects[i] = object{key: fmt.Sprintf("%s%05d", prefix, i), size: int64(16 + i%100)}
	}
	return objects
}

func putAll(t *testing.T, s *s3Server, bucket string, objects []object) {
	t.Helper()
	requireEach(t, objects, func(ctx context.Context, o object) error { return o.put(ctx, s, bucket) })
}

// requireSame compares every object, byte for byte, and what goes with it.
func requireSame(t *testing.T, s *s3Server, bucket, prefix string, objects []object) {
	t.Helper()
	requireEach(t, objects, func(ctx context.Context, o object) error { return compare(ctx, s, bucket, prefix+o.key, o) })
}

func requireEach(t *testing.T, objects []object, f func(context.Context, object) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	for _, o := range objects {
		group.Go(func() error { return f(ctx, o) })
	}
	require.NoError(t, group.Wait())
}

var scratch = sync.Pool{New: func() any { return new([2][64 << 10]byte) }}

func compare(ctx context.Context, s *s3Server, bucket, key string, o object) error {
	body, info, header, err := s.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", s.kind, bucket, key, err)
	}
	defer body.Close() //nolint:errcheck // nothing is written
	if info.Size != o.size {
		return fmt.Errorf("%s %s/%s has %d bytes, not %d", s.kind, bucket, key, info.Size, o.size)
	}
	if want := o.mime; want != "" && header.Get("Content-Type") != want {
		return fmt.Errorf("%s %s/%s is %q, not %q", s.kind, bucket, key, header.Get("Content-Type"), want)
	}
	if got, want := header.Get("X-Amz-Meta-Origin"), o.origin(); got != want {
		return fmt.Errorf("%s %s/%s has the metadata %q, not %q", s.kind, bucket, key, got, want)
	}
	if header.Get("Cache-Control") != "max-age=7" {
		return fmt.Errorf("%s %s/%s has no cache control", s.kind, bucket, key)
	}
	buffers := scratch.Get().(*[2][64 << 10]byte)
	defer scratch.Put(buffers)
	want := o.reader()
	for {
		n, gotErr := io.ReadFull(body, buffers[0][:])
		m, _ := io.ReadFull(want, buffers[1][:])
		if !bytes.Equal(buffers[0][:n], buffers[1][:m]) {
			return fmt.Errorf("%s %s/%s differs", s.kind, bucket, key)
		}
		switch gotErr { //nolint:errorlint // io.ReadFull returns these themselves
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return gotErr
		}
	}
}
