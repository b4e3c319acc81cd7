package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	accessKey = "benchmark"
	secretKey = "benchmark-secret"
	startUp   = time.Minute
	poll      = 20 * time.Millisecond
)

// server is an S3 server in a process of its own, with its data in a folder of its own.
type server struct {
	endpoint, dir string
	client        *minio.Client
	cmd           *exec.Cmd
}

// startServer starts the server that kind names, "versitygw" or "minio".
func startServer(ctx context.Context, kind, program, parent string) (s *server, err error) {
	s = &server{}
	if s.endpoint, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(parent, kind+"-"); err != nil {
		return nil, err
	}
	switch kind {
	case "versitygw":
		s.cmd = exec.Command(program, "--quiet", "--keep-alive", "--port", s.endpoint, "posix", s.dir)
		s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	case "minio":
		s.cmd = exec.Command(program, "server", "--quiet", "--address", s.endpoint, s.dir)
		s.cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+accessKey, "MINIO_ROOT_PASSWORD="+secretKey, "MINIO_BROWSER=off")
	default:
		return nil, fmt.Errorf("there is no server %q", kind)
	}
	s.client, err = minio.New(s.endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1",
	})
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", kind, err)
	}
	if err := s.ready(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting %s: %w", kind, err)
	}
	return s, nil
}

func (s *server) ready(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startUp)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, time.Second)
		_, err = s.client.ListBuckets(attempt)
		done()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(poll)
	}
}

// stop ends the server and removes its data.
func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
