package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// samples is how many copies are compared byte by byte.
const samples = 16

// verify fails if the bucket does not hold the objects of the workload. With a time,
// it fails as well if one was written since.
func (w workload) verify(ctx context.Context, s *server, bucket string, since time.Time) error {
	var objects int
	var size int64
	for o := range s.client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("listing the copies: %w", o.Err)
		}
		if !since.IsZero() && o.LastModified.After(since) {
			return fmt.Errorf("%s was there already, and was written again", o.Key)
		}
		objects++
		size += o.Size
	}
	if objects != w.objects || size != w.bytes() {
		return fmt.Errorf("%d copies of %d bytes in all, %d of %d were expected", objects, size, w.objects, w.bytes())
	}
	for i := 0; i < w.objects; i += max(1, w.objects/samples) {
		if err := w.compare(ctx, s, bucket, w.key(i)); err != nil {
			return fmt.Errorf("comparing %s: %w", w.key(i), err)
		}
	}
	return nil
}

func (w workload) compare(ctx context.Context, s *server, bucket, key string) error {
	object, err := s.client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer object.Close() //nolint:errcheck // it was only read
	got, want := sha256.New(), sha256.New()
	if _, err := io.Copy(got, object); err != nil {
		return err
	}
	if _, err := io.Copy(want, w.content(key)); err != nil {
		return err
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		return fmt.Errorf("its content differs from the source's")
	}
	return nil
}
