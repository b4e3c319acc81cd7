package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/minio/minio-go/v7"
)

// object is one of the objects that are moved.
type object struct {
	key  string
	size int
	sum  [sha256.Size]byte
}

const (
	kib = 1 << 10
	mib = 1 << 20

	// flakyKey is the object whose first downloads fail.
	flakyKey      = "flaky/unreliable-line.bin"
	flakyFailures = 2
)

func sampleObjects() []*object {
	objects := []*object{
		{key: "one-byte", size: 1},
		{key: "backups/database.dump", size: 64 * mib},
		{key: "videos/clip.mp4", size: 24 * mib},
		{key: "names/with spaces &+%.txt", size: 12 * kib},
		{key: "names/ünïcödé/ñandú.json", size: 3 * kib},
		{key: flakyKey, size: 768 * kib},
	}
	for i := range 10 {
		objects = append(objects, &object{key: fmt.Sprintf("photos/2026/img_%04d.jpg", i+1), size: (i + 2) * 413 * kib})
	}
	for i := range 8 {
		objects = append(objects, &object{key: fmt.Sprintf("logs/app-%02d.log", i+1), size: 1<<(i+3) + i})
	}
	return objects
}

// seed stores the objects, with the same content in each run.
func seed(ctx context.Context, s *server, objects []*object) (total int, err error) {
	random := rand.NewChaCha8([32]byte([]byte("the same content in each demo   ")))
	for _, o := range objects {
		content := make([]byte, o.size)
		_, _ = random.Read(content)
		o.sum = sha256.Sum256(content)
		// These servers store the trailing checksums of minio-go's usual uploads
		// as if they were content.
		opts := minio.PutObjectOptions{SendContentMd5: true, DisableMultipart: true}
		_, err := s.client.PutObject(ctx, s.bucket, o.key, bytes.NewReader(content), int64(o.size), opts)
		if err != nil {
			return total, fmt.Errorf("storing %q: %w", o.key, err)
		}
		total += o.size
	}
	return total, nil
}

// report prints what became of each object, and returns how many copies are not
// equal to what was stored at the source.
func report(ctx context.Context, out io.Writer, source, destination *server, objects []*object) (differ int, err error) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "OBJECT\tSIZE\tDOWNLOADS\tSHA-256\tCOPY") //nolint:errcheck // Flush tells
	for _, o := range objects {
		result := "verified"
		if err := compare(ctx, destination, o); err != nil {
			result = err.Error()
			differ++
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s…\t%s\n", //nolint:errcheck // as above
			o.key, humanize.IBytes(uint64(o.size)), source.downloadsOf(o.key), hex.EncodeToString(o.sum[:6]), result)
	}
	return differ, table.Flush()
}

func compare(ctx context.Context, s *server, o *object) error {
	body, err := s.client.GetObject(ctx, s.bucket, o.key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing is written
	hash := sha256.New()
	if _, err := io.Copy(hash, body); err != nil {
		return err
	}
	if [sha256.Size]byte(hash.Sum(nil)) != o.sum {
		return errors.New("differs")
	}
	return nil
}
