// Command floor copies a bucket as fast as minio-go can: it lists, and for each
// object does one GET and one PUT. It has no queue, verifies nothing, retries nothing and
// forgets everything, so that no tool can be expected to be faster.
package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"
)

// idleConnections keeps the connection of every worker open.
const idleConnections = 512

func main() {
	workers := flag.Int("workers", 16, "objects in flight")
	list := flag.Bool("list", false, "list both sides at once, and copy nothing")
	hash := flag.Bool("md5", false, "hash what is read, and compare the sum with the ETag of the copy")
	flag.Parse()
	log.SetFlags(0)
	if err := run(context.Background(), *workers, *list, *hash); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, workers int, list, hash bool) error {
	source, err := connect("SRC")
	if err != nil {
		return err
	}
	destination, err := connect("DST")
	if err != nil {
		return err
	}
	if list {
		return listBoth(ctx, source, destination)
	}
	return copyAll(ctx, source, destination, workers, hash)
}

func listBoth(ctx context.Context, source, destination bucket) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, side := range []bucket{source, destination} {
		group.Go(func() error {
			for object := range side.ListObjectsIter(ctx, side.name, minio.ListObjectsOptions{Recursive: true}) {
				if object.Err != nil {
					return fmt.Errorf("listing %s: %w", side.name, object.Err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func copyAll(ctx context.Context, source, destination bucket, workers int, hash bool) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for object := range source.ListObjectsIter(ctx, source.name, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return fmt.Errorf("listing objects: %w", object.Err)
		}
		group.Go(func() error {
			if err := copyObject(ctx, source, destination, object.Key, hash); err != nil {
				return fmt.Errorf("copying %s: %w", object.Key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func copyObject(ctx context.Context, source, destination bucket, key string, hash bool) error {
	body, info, _, err := source.GetObject(ctx, source.name, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // it was only read
	var from io.Reader = body
	sum := md5.New()
	if hash {
		from = io.TeeReader(body, sum)
	}
	copied, err := destination.Client.PutObject(ctx, destination.name, key, from, info.Size, minio.PutObjectOptions{
		ContentType:          info.ContentType,
		DisableContentSha256: true,
	})
	if err != nil {
		return err
	}
	// The ETag of an upload in parts is no sum of the whole.
	if got := hex.EncodeToString(sum.Sum(nil)); hash && !strings.Contains(copied.ETag, "-") && copied.ETag != got {
		return fmt.Errorf("the copy has the ETag %s, its content the MD5 %s", copied.ETag, got)
	}
	return nil
}

// bucket is one side of the copy.
type bucket struct {
	*minio.Core
	name string
}

func connect(side string) (bucket, error) {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxIdleConns = 0
	tr.MaxIdleConnsPerHost = idleConnections
	tr.DisableCompression = true
	tr.ReadBufferSize = 64 << 10
	tr.WriteBufferSize = 64 << 10
	client, err := minio.NewCore(os.Getenv(side+"_ENDPOINT"), &minio.Options{
		Creds:     credentials.NewStaticV4(os.Getenv(side+"_ACCESS_KEY_ID"), os.Getenv(side+"_SECRET_ACCESS_KEY"), ""),
		Region:    "us-east-1",
		Transport: tr,
	})
	if err != nil {
		return bucket{}, fmt.Errorf("connecting %s: %w", side, err)
	}
	return bucket{Core: client, name: os.Getenv(side + "_BUCKET")}, nil
}
