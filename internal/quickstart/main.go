// Command quickstart shows the main job on a machine that has nothing but Go: it
// starts two S3 servers in memory, puts objects into one of them, runs the
// example of config/examples/single-process with the binary, and compares the
// copies byte for byte. Everything it makes is gone when it ends.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	sourceBucket = "source"
	copyBucket   = "copy"
	// accessKey and secretKey are anything: these servers check neither.
	accessKey = "quickstart"
	secretKey = "quickstart"

	pollInterval = 100 * time.Millisecond
	stopTimeout  = 30 * time.Second
)

func main() { os.Exit(quickstart()) }

func quickstart() int {
	binary := flag.String("ingest", "", "the ingest binary; if empty, it is built")
	examples := flag.String("examples", "config/examples/single-process", "the folder of the pipelines to run")
	timeout := flag.Duration("timeout", 2*time.Minute, "how long to wait for the copies")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *examples, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, binary, examples string, timeout time.Duration) (err error) {
	pipelines, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(pipelines) == 0 {
		return fmt.Errorf("no pipelines in %s: run this in the folder of the repository", examples)
	}
	dir, err := os.MkdirTemp("", "ingest-quickstart-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if binary == "" {
		binary = filepath.Join(dir, "ingest")
		fmt.Println("building ingest …")
		if err := build(ctx, binary); err != nil {
			return err
		}
	}

	source, err := startS3(ctx, sourceBucket)
	if err != nil {
		return fmt.Errorf("starting the source: %w", err)
	}
	defer source.stop()
	destination, err := startS3(ctx, copyBucket)
	if err != nil {
		return fmt.Errorf("starting the destination: %w", err)
	}
	defer destination.stop()
	objects, err := seed(ctx, source)
	if err != nil {
		return err
	}
	fmt.Printf("%d objects are in the source, s3://%s at %s\n", len(objects), sourceBucket, source.address)

	fmt.Println("running: ingest streams", pipelines)
	pipeline, err := startIngest(ctx, binary, pipelines, []string{
		"SRC_ENDPOINT=" + source.address,
		"SRC_INSECURE=true",
		"SRC_BUCKET=" + sourceBucket,
		"SRC_ACCESS_KEY_ID=" + accessKey,
		"SRC_SECRET_ACCESS_KEY=" + secretKey,
		"DST_ENDPOINT=" + destination.address,
		"DST_INSECURE=true",
		"DST_BUCKET=" + copyBucket,
		"DST_ACCESS_KEY_ID=" + accessKey,
		"DST_SECRET_ACCESS_KEY=" + secretKey,
		"QUEUE_DIR=" + filepath.Join(dir, "queue"),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	waitErr := waitForCopies(ctx, destination, objects, pipeline.done)
	took := time.Since(began)
	if err := errors.Join(waitErr, pipeline.stop()); err != nil {
		return fmt.Errorf("%w\nthe log of ingest:\n%s", err, pipeline.log.String())
	}
	if err := report(ctx, destination, objects); err != nil {
		return err
	}
	fmt.Printf("%d objects were moved in %s, and every copy is equal to its source\n", len(objects), took.Round(time.Millisecond))
	return nil
}

func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/ingest") //nolint:gosec // our own folder
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building ingest: %w", err)
	}
	return nil
}

// server is an S3 server in memory, with one bucket.
type server struct {
	address string
	http    *http.Server
	client  *minio.Client
	bucket  string
}

func startS3(ctx context.Context, bucket string) (*server, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{
		address: listener.Addr().String(),
		bucket:  bucket,
		http: &http.Server{
			Handler:           gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server(),
			ReadHeaderTimeout: 10 * time.Second,
		},
	}
	s.client, err = minio.New(s.address, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, "")})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go s.http.Serve(listener) //nolint:errcheck // it ends with the program
	return s, nil
}

func (s *server) stop() { _ = s.http.Close() }

// object is one of the objects to be moved.
type object struct {
	key     string
	content []byte
}

// seed puts objects of 1 byte to 8 MiB into the bucket.
func seed(ctx context.Context, s *server) ([]object, error) {
	// The content is the same in each run.
	random := rand.NewChaCha8([32]byte([]byte("the quick start of ingest bundle")))
	objects := []object{
		{key: "readme.txt", content: []byte("Moved by ingest.\n")},
		{key: "one byte", content: make([]byte, 1)},
		{key: "photos/2024/ünïcödé &+%.jpg", content: make([]byte, 300<<10)},
		{key: "logs/a.log", content: make([]byte, 4<<10)},
		{key: "logs/b.log", content: make([]byte, 64<<10)},
		{key: "videos/large.mp4", content: make([]byte, 8<<20)},
	}
	for _, o := range objects {
		if o.key != "readme.txt" {
			_, _ = random.Read(o.content)
		}
		_, err := s.client.PutObject(ctx, s.bucket, o.key, bytes.NewReader(o.content), int64(len(o.content)), minio.PutObjectOptions{})
		if err != nil {
			return nil, fmt.Errorf("storing %q: %w", o.key, err)
		}
	}
	return objects, nil
}

// ingest is a running binary.
type ingest struct {
	cmd  *exec.Cmd
	log  bytes.Buffer
	done chan struct{}
}

func startIngest(ctx context.Context, binary string, pipelines, env []string) (*ingest, error) {
	// It is told to stop with SIGTERM, also where the context is cancelled.
	i := &ingest{
		cmd:  exec.CommandContext(context.WithoutCancel(ctx), binary, append([]string{"streams", "--no-api"}, pipelines...)...), //nolint:gosec // the user's own program
		done: make(chan struct{}),
	}
	i.cmd.Env = append(os.Environ(), env...)
	i.cmd.Stdout, i.cmd.Stderr = &i.log, &i.log
	if err := i.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ingest: %w", err)
	}
	go func() {
		defer close(i.done)
		_ = i.cmd.Wait()
	}()
	return i, nil
}

// stop lets the program finish what is in flight. Its log is complete then.
func (i *ingest) stop() error {
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.done:
	case <-time.After(stopTimeout):
		_ = i.cmd.Process.Kill()
		<-i.done
		return fmt.Errorf("ingest did not stop in %s", stopTimeout)
	}
	if code := i.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("ingest ended with exit code %d", code)
	}
	return nil
}

// waitForCopies waits until all copies have arrived.
func waitForCopies(ctx context.Context, s *server, objects []object, ended <-chan struct{}) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		missing := 0
		for _, o := range objects {
			if _, err := s.client.StatObject(ctx, s.bucket, o.key, minio.StatObjectOptions{}); err != nil {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ended:
			return errors.New("ingest ended too soon")
		case <-ctx.Done():
			return fmt.Errorf("%d of %d copies are missing: %w", missing, len(objects), ctx.Err())
		}
	}
}

// report compares the copies with their sources, and prints a table.
func report(ctx context.Context, s *server, objects []object) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nOBJECT\tBYTES\tCOPY") //nolint:errcheck // a terminal
	differ := 0
	for _, o := range objects {
		result := "equal"
		if err := compare(ctx, s, o); err != nil {
			result = err.Error()
			differ++
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", o.key, len(o.content), result) //nolint:errcheck // a terminal
	}
	fmt.Fprintln(table) //nolint:errcheck // a terminal
	if err := table.Flush(); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d copies differ from their sources", differ, len(objects))
	}
	return nil
}

func compare(ctx context.Context, s *server, o object) error {
	body, err := s.client.GetObject(ctx, s.bucket, o.key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing is written
	var held bytes.Buffer
	if _, err := held.ReadFrom(body); err != nil {
		return err
	}
	if !bytes.Equal(held.Bytes(), o.content) {
		return errors.New("differs")
	}
	return nil
}
