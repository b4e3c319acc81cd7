package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// workload is what is done.
type workload struct {
	name, title string
	objects     int
	size        int64
	// tools are those that do it; the first is what the others are compared with.
	tools []string
	// destinations is how many there are, if not one.
	destinations int
	// sourceRate is how many bytes the source sends in a second, if there is a limit.
	sourceRate int
	// again has each tool do it twice; what is measured is the second time, when there
	// is nothing to do.
	again bool
	// listed is a source that only listings are made up of. Nothing is copied.
	listed bool
}

var (
	copiers  = []string{"floor", "floor-md5", "ingest", "rclone-tuned", "rclone", "s5cmd", "mc"}
	scanners = []string{"list", "ingest-scan"}
)

var workloads = []workload{
	{name: "4k", title: "10,000 × 4 KiB", objects: 10_000, size: 4 << 10, tools: copiers},
	{name: "256k", title: "2,000 × 256 KiB", objects: 2_000, size: 256 << 10, tools: copiers},
	{name: "256m", title: "8 × 256 MiB", objects: 8, size: 256 << 20, tools: copiers},
	{
		name: "5g", title: "1 × 5 GiB", objects: 1, size: 5 << 30,
		tools: []string{"floor", "ingest", "rclone-tuned", "rclone", "mc"},
	},
	{
		name: "fan-out", title: "16 × 16 MiB to two destinations, from a source that sends 50 MB/s",
		objects: 16, size: 16 << 20, tools: []string{"ingest-one", "ingest", "rclone-tuned"}, destinations: 2, sourceRate: 50e6,
	},
	{
		name: "resync", title: "100,000 × 4 KiB that are there already",
		objects: 100_000, size: 4 << 10, tools: []string{"list", "ingest", "rclone-tuned", "rclone"}, again: true,
	},
	{name: "scan-10k", title: "A scan of 10,000 keys", objects: 10_000, tools: scanners, listed: true},
	{name: "scan-100k", title: "A scan of 100,000 keys", objects: 100_000, tools: scanners, listed: true},
	{name: "scan-1m", title: "A scan of 1,000,000 keys", objects: 1_000_000, tools: scanners, listed: true},
}

const (
	// perFolder is how many objects have a prefix in common.
	perFolder = 1000
	seeders   = 16
	// partSize is that of the multipart uploads at the source.
	partSize = 16 << 20
	// node is about what a small file takes beside its content.
	node = 4 << 10
)

// shrink returns the workloads with a hundredth of the objects, none of them large.
func shrink(all []workload) []workload {
	all = slices.Clone(all)
	for i := range all {
		w := &all[i]
		w.title += " / 100"
		w.objects = max(1, w.objects/100)
		w.size = min(w.size, 2*partSize)
	}
	return all
}

func (w workload) bytes() int64 { return int64(w.objects) * w.size }

// room is how much memory the data needs: what is at the source, and as much twice at a
// destination that puts parts together, or in the folder of who has one between.
func (w workload) room() int64 {
	copies := int64(1 + 2*w.copies())
	if w.again {
		copies = int64(1 + len(w.tools))
	}
	return copies * int64(w.objects) * (w.size + node)
}

// copies is how many destinations there are.
func (w workload) copies() int { return cmp.Or(w.destinations, 1) }

// runners returns those of the tools that do the workload.
func (w workload) runners(of []tool) (all []tool) {
	for _, t := range of {
		if slices.Contains(w.tools, t.name) {
			all = append(all, t)
		}
	}
	return all
}

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
