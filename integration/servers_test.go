package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

const (
	accessKey = "integration"
	secretKey = "integration-secret"
	startUp   = 60 * time.Second
	tick      = 50 * time.Millisecond
)

// s3Server is a real S3 server in a process of its own.
type s3Server struct {
	t        *testing.T
	kind     string
	endpoint string
	dir      string
	// certs is the folder of a certificate, for HTTPS.
	certs string
	cmd   *exec.Cmd
	*minio.Core
}

func startMinIO(t *testing.T) *s3Server     { return startS3(t, "minio") }
func startVersityGW(t *testing.T) *s3Server { return startS3(t, "versitygw") }

func startS3(t *testing.T, kind string) *s3Server {
	t.Helper()
	s := &s3Server{t: t, kind: kind, endpoint: freeAddress(t), dir: t.TempDir(), certs: t.TempDir()}
	s.Core = s3Client(t, s.endpoint)
	s.start()
	t.Cleanup(s.stop)
	return s
}

// of returns the server for use in a subtest.
func (s *s3Server) of(t *testing.T) *s3Server {
	sub := *s
	sub.t = t
	return &sub
}

func s3Client(t *testing.T, endpoint string) *minio.Core {
	t.Helper()
	c, err := minio.NewCore(endpoint, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, "")})
	require.NoError(t, err)
	return c
}

// start starts the server, or starts it again on the same data and port.
func (s *s3Server) start() {
	s.t.Helper()
	switch s.kind {
	case "minio":
		s.cmd = exec.Command(filepath.Join(toolsDir, "minio"), "server", "--quiet", "--certs-dir", s.certs, "--address", s.endpoint, s.dir)
		s.cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+accessKey, "MINIO_ROOT_PASSWORD="+secretKey, "MINIO_BROWSER=off")
	case "versitygw":
		s.cmd = exec.Command(filepath.Join(toolsDir, "versitygw"), "--quiet", "--keep-alive", "--port", s.endpoint, "posix", s.dir)
		s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	}
	require.NoError(s.t, s.cmd.Start())
	require.Eventually(s.t, func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		_, err := s.Client.ListBuckets(ctx)
		return err == nil
	}, startUp, tick, "%s did not start", s.kind)
}

func (s *s3Server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *s3Server) bucket(name string) string {
	s.t.Helper()
	require.NoError(s.t, s.MakeBucket(s.t.Context(), name, minio.MakeBucketOptions{}))
	return name
}

// fields is the connection of a component, through another address if one is given.
func (s *s3Server) fields(bucket string, through ...string) string {
	endpoint := s.endpoint
	if len(through) > 0 {
		endpoint = through[0]
	}
	return fmt.Sprintf("endpoint: %q, insecure: true, bucket: %q, access_key_id: %s, secret_access_key: %s", endpoint, bucket, accessKey, secretKey)
}

// keys lists what is in a bucket.
func (s *s3Server) keys(bucket string) map[string]minio.ObjectInfo {
	s.t.Helper()
	all := map[string]minio.ObjectInfo{}
	for o := range s.ListObjectsIter(s.t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		require.NoError(s.t, o.Err)
		all[o.Key] = o
	}
	return all
}

// unfinished counts the multipart uploads that were not completed.
func (s *s3Server) unfinished(bucket string, keys ...string) int {
	s.t.Helper()
	n := 0
	// MinIO lists uploads only for a key.
	for _, key := range keys {
		result, err := s.ListMultipartUploads(s.t.Context(), bucket, key, "", "", "", 1000)
		require.NoError(s.t, err)
		n += len(result.Uploads)
	}
	return n
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // only the port was wanted
	return l.Addr().String()
}

// natsServer is a NATS server with JetStream that listens on a port.
type natsServer struct {
	*server.Server
	url string
	js  jetstream.JetStream
}

func startNATS(t *testing.T) *natsServer {
	t.Helper()
	srv := startNATSWith(t, &server.Options{})
	return connectNATS(t, srv)
}

// startNATSWith starts a server with some more options than a free port and JetStream.
func startNATSWith(t *testing.T, opts *server.Options, changes ...func(*server.Options)) *server.Server {
	t.Helper()
	opts.Host, opts.Port, opts.JetStream, opts.StoreDir, opts.NoSigs = "127.0.0.1", -1, true, t.TempDir(), true
	for _, change := range changes {
		change(opts)
	}
	srv, err := server.NewServer(opts)
	require.NoError(t, err)
	go srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	require.True(t, srv.ReadyForConnections(startUp))
	return srv
}

func connectNATS(t *testing.T, srv *server.Server, opts ...nats.Option) *natsServer {
	t.Helper()
	nc, err := nats.Connect(srv.ClientURL(), opts...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return &natsServer{Server: srv, url: srv.ClientURL(), js: js}
}

// count returns how many messages a stream holds; none if it does not exist.
func (n *natsServer) count(t *testing.T, stream string) int {
	t.Helper()
	s, err := n.js.Stream(t.Context(), stream)
	if err != nil {
		require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
		return 0
	}
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	return int(info.State.Msgs)
}
