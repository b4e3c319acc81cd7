package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// These servers check neither of the two.
const (
	accessKey = "demo"
	secretKey = "demo-secret"
)

// server is an S3 server in memory, with one bucket.
type server struct {
	address string
	bucket  string
	client  *minio.Client
	http    *http.Server

	mu sync.Mutex
	// downloads counts the GETs of each object.
	downloads map[string]int
	// flaky is how many more downloads of an object are damaged on the way.
	flaky map[string]int
}

func startServer(ctx context.Context, bucket string) (*server, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{
		address:   listener.Addr().String(),
		bucket:    bucket,
		downloads: map[string]int{},
		flaky:     map[string]int{},
	}
	store := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s.http = &http.Server{
		Handler:           s.meddle(store),
		ReadHeaderTimeout: 10 * time.Second,
		// It complains of clients that hang up.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.client, err = minio.New(s.address, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, "")})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go s.http.Serve(listener) //nolint:errcheck // it ends with the server
	return s, nil
}

func (s *server) stop() { _ = s.http.Close() }

func (s *server) url() string { return "http://" + s.address }

// damageDownloads changes a bit in each of the next n downloads of the object.
func (s *server) damageDownloads(key string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flaky["/"+s.bucket+"/"+key] = n
}

func (s *server) downloadsOf(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.downloads["/"+s.bucket+"/"+key]
}

func (s *server) meddle(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !r.URL.Query().Has("tagging") && s.damages(r.URL.Path) {
			w = &damagingWriter{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

// damages counts the download, and reports whether it is to be damaged.
func (s *server) damages(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.downloads[path]++
	if s.flaky[path] == 0 {
		return false
	}
	s.flaky[path]--
	return true
}

// damagingWriter changes the first bit of the body.
type damagingWriter struct {
	http.ResponseWriter
	done bool
}

func (d *damagingWriter) Write(b []byte) (int, error) {
	if d.done || len(b) == 0 {
		return d.ResponseWriter.Write(b)
	}
	d.done = true
	damaged := bytes.Clone(b)
	damaged[0] ^= 1
	return d.ResponseWriter.Write(damaged)
}
