// Package plugin is for the authors of plugins: executables that ingest starts and
// that are a source of objects, a destination, or both.
//
//	func main() {
//		plugin.Serve(
//			plugin.Source(func(config plugin.Config) (ingest.Source, error) {
//				var c struct{ Folder string }
//				if err := config.Decode(&c); err != nil {
//					return nil, err
//				}
//				return newSource(c.Folder), nil
//			}),
//		)
//	}
//
// The executable goes into one of ingest's plugin folders, and its name is what a
// configuration calls it by. What a source or a destination implements besides
// [ingest.Source] and [ingest.Destination] is found, and used: [ingest.Lister],
// [ingest.VersionedClient], [ingest.ConnectionTester], [ingest.AccessTester],
// [ingest.Locator] and [Confirmer].
//
// Contents are streamed, contexts are cancelled along with the host's, and errors
// keep their kind. A panic in a method fails that call; the process goes on. When
// the process ends, ingest starts it anew and tries again what was in flight.
package plugin

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// ErrNotImplemented says that a source or a destination cannot do what was asked
// of it. No later attempt is made.
var ErrNotImplemented = pluginpb.ErrNotImplemented

const (
	// hostTimeout is how long a plugin waits for its host to connect.
	hostTimeout = time.Minute
	// exitTimeout is how long calls may take to give up when the host is gone.
	exitTimeout = 5 * time.Second
	// keepaliveTime is how often a host may ask whether the plugin is there.
	keepaliveTime = 2 * time.Second
)

// Confirmer is a destination that keeps a record beside each object, such as a
// metafile. Confirm is called for every object that is stored or up to date, and
// makes the record where it is missing.
type Confirmer interface {
	Confirm(context.Context, ingest.Codec) error
}

// Option is a part of a plugin.
type Option func(*server)

// Source makes the plugin a source. The function is called for each configuration,
// and again when the plugin was restarted. It must not connect, and fails if the
// configuration is wrong.
func Source(open func(Config) (ingest.Source, error)) Option {
	return func(s *server) { s.openSource = open }
}

// Destination makes the plugin a destination. The function is called as that of
// Source is.
func Destination(open func(Config) (ingest.Destination, error)) Option {
	return func(s *server) { s.openDestination = open }
}

// Gatherer says where the plugin's metrics are, if not in
// prometheus.DefaultGatherer. The host adds them to its own.
func Gatherer(g prometheus.Gatherer) Option {
	return func(s *server) { s.gatherer = g }
}

// Serve runs the plugin until the host is gone; call it from main, and nothing
// after it. From then on log/slog and log write to the host's log. An executable
// that was not started by a host says so and exits.
func Serve(options ...Option) {
	s := newServer(options)
	logToHost()
	// The host says when to stop: a signal to all processes of a service must
	// not end what is in flight.
	signal.Ignore(syscall.SIGTERM)
	alone := time.AfterFunc(hostTimeout, s.stop)
	s.connected = func() { alone.Stop() }
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: pluginpb.Handshake,
		Plugins:         goplugin.PluginSet{pluginpb.ServiceName: &pluginpb.Service{Impl: s}},
		GRPCServer:      s.newGRPC,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
	s.wait(exitTimeout)
	// What is left of the folder for the socket; it is not there on Windows.
	_ = os.Remove(os.Getenv(goplugin.EnvUnixSocketDir))
}

func (s *server) newGRPC(options []grpc.ServerOption) *grpc.Server {
	s.grpc = grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(pluginpb.MaxMessageSize),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime, PermitWithoutStream: true}),
	)...)
	return s.grpc
}
