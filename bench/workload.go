package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// workload is what is copied.
type workload struct {
	name, title string
	objects     int
	size        int64
}

var workloads = []workload{
	{name: "4k", title: "10,000 objects of 4 KiB", objects: 10_000, size: 4 << 10},
	{name: "256k", title: "2,000 objects of 256 KiB", objects: 2_000, size: 256 << 10},
	{name: "256m", title: "8 objects of 256 MiB", objects: 8, size: 256 << 20},
	{name: "tiny", title: "300 objects of 4 KiB, to try things out", objects: 300, size: 4 << 10},
}

const (
	// perFolder is how many objects have a prefix in common.
	perFolder = 1000
	seeders   = 16
	// partSize is that of the multipart uploads at the source.
	partSize = 16 << 20
)

func (w workload) bytes() int64 { return int64(w.objects) * w.size }

func (w workload) key(i int) string {
	return fmt.Sprintf("folder-%03d/object-%06d.bin", i/perFolder, i)
}

// content returns what the object holds. It follows from the key, so that a copy can
// be compared without the source.
func (w workload) content(key string) io.Reader {
	return io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte(key))), w.size)
}

// seed puts the objects into the bucket.
func (w workload) seed(ctx context.Context, s *server, bucket string) error {
	if err := s.client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		return fmt.Errorf("making the bucket %s: %w", bucket, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(seeders)
	for i := range w.objects {
		group.Go(func() error {
			key := w.key(i)
			_, err := s.client.PutObject(ctx, bucket, key, w.content(key), w.size, minio.PutObjectOptions{
				PartSize: partSize, DisableContentSha256: true,
			})
			if err != nil {
				return fmt.Errorf("putting %s: %w", key, err)
			}
			return nil
		})
	}
	return group.Wait()
}
