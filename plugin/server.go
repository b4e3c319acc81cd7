package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// server is the plugin's side of the protocol.
type server struct {
	pluginpb.UnimplementedPluginServer

	openSource      func(Config) (ingest.Source, error)
	openDestination func(Config) (ingest.Destination, error)
	gatherer        prometheus.Gatherer

	grpc      *grpc.Server
	connected func()
	calls     sync.WaitGroup

	mu        sync.Mutex
	last      uint64
	instances map[uint64]*instance
}

// instance is a source or a destination with its configuration.
type instance struct {
	source      ingest.Source
	destination ingest.Destination
	listing     listing
}

func newServer(options []Option) *server {
	s := &server{
		gatherer:  prometheus.DefaultGatherer,
		connected: func() {},
		instances: map[uint64]*instance{},
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// unary and stream count the calls, give errors their kind on the wire, and make
// errors of panics.
func (s *server) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer s.call(&err)()
	return handler(ctx, req)
}

func (s *server) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer s.call(&err)()
	return handler(srv, stream)
}

func (s *server) call(err *error) func() {
	s.calls.Add(1)
	return func() {
		if p := recover(); p != nil {
			slog.Error("a call panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			*err = fmt.Errorf("the plugin panicked: %v", p)
		}
		*err = pluginpb.FromError(*err)
		s.calls.Done()
	}
}

// wait waits until all calls have given up, or the timeout is over.
func (s *server) wait(timeout time.Duration) {
	done := make(chan struct{})
	go func() {
		s.calls.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(timeout):
	}
}

func (s *server) stop() {
	if s.grpc != nil {
		s.grpc.Stop()
	}
}

// Live implements pluginpb.PluginServer.
func (s *server) Live(_ *emptypb.Empty, stream grpc.ServerStreamingServer[emptypb.Empty]) error {
	s.connected()
	if err := stream.Send(&emptypb.Empty{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	// Stop waits for this very call.
	go s.stop()
	return nil
}

// Metrics implements pluginpb.PluginServer.
func (s *server) Metrics(_ *emptypb.Empty, stream grpc.ServerStreamingServer[pluginpb.MetricFamily]) error {
	// What could be gathered is there also along with an error.
	families, gatherErr := s.gatherer.Gather()
	for _, family := range families {
		data, err := proto.Marshal(family)
		if err != nil {
			return err
		}
		if err := stream.Send(&pluginpb.MetricFamily{Family: data}); err != nil {
			return err
		}
	}
	return gatherErr
}

// Open implements pluginpb.PluginServer.
func (s *server) Open(_ context.Context, req *pluginpb.OpenRequest) (*pluginpb.OpenResponse, error) {
	config, err := parseConfig(req.GetConfig())
	if err != nil {
		return nil, err
	}
	inst, err := s.open(req.GetRole(), config)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.instances[s.last] = inst
	return &pluginpb.OpenResponse{Instance: s.last, Capabilities: capabilities(inst.system())}, nil
}

func (s *server) open(role pluginpb.Role, config Config) (*instance, error) {
	inst := &instance{listing: newListing()}
	var err error
	switch {
	case role == pluginpb.Role_ROLE_SOURCE && s.openSource != nil:
		inst.source, err = s.openSource(config)
	case role == pluginpb.Role_ROLE_DESTINATION && s.openDestination != nil:
		inst.destination, err = s.openDestination(config)
	case role == pluginpb.Role_ROLE_SOURCE:
		return nil, fmt.Errorf("being a source is %w by this plugin", ErrNotImplemented)
	default:
		return nil, fmt.Errorf("being a destination is %w by this plugin", ErrNotImplemented)
	}
	if err == nil && inst.system() == nil {
		err = errors.New("the plugin opened nothing, and gave no error")
	}
	return inst, err
}

func (i *instance) system() any {
	if i.source != nil {
		return i.source
	}
	if i.destination != nil {
		return i.destination
	}
	return nil
}

func capabilities(system any) (all []pluginpb.Capability) {
	has := func(capability pluginpb.Capability, ok bool) {
		if ok {
			all = append(all, capability)
		}
	}
	_, ok := system.(ingest.Lister)
	has(pluginpb.Capability_CAPABILITY_LISTER, ok)
	_, ok = system.(ingest.VersionedClient)
	has(pluginpb.Capability_CAPABILITY_VERSIONED, ok)
	_, ok = system.(ingest.ConnectionTester)
	has(pluginpb.Capability_CAPABILITY_CONNECTION_TESTER, ok)
	_, ok = system.(ingest.AccessTester)
	has(pluginpb.Capability_CAPABILITY_ACCESS_TESTER, ok)
	_, ok = system.(ingest.Locator)
	has(pluginpb.Capability_CAPABILITY_LOCATOR, ok)
	_, ok = system.(Confirmer)
	has(pluginpb.Capability_CAPABILITY_CONFIRMER, ok)
	return all
}

// Close implements pluginpb.PluginServer.
func (s *server) Close(_ context.Context, req *pluginpb.Instance) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.instances, req.GetInstance())
	return &emptypb.Empty{}, nil
}

func (s *server) instance(id uint64) (*instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst, ok := s.instances[id]
	if !ok {
		return nil, fmt.Errorf("there is no instance %d", id)
	}
	return inst, nil
}

// as returns the instance as a T. Hosts ask only for what Open said.
func as[T any](s *server, id uint64) (system T, err error) {
	inst, err := s.instance(id)
	if err != nil {
		return system, err
	}
	system, ok := inst.system().(T)
	if !ok {
		return system, ErrNotImplemented
	}
	return system, nil
}

// TestConnection implements pluginpb.PluginServer.
func (s *server) TestConnection(ctx context.Context, req *pluginpb.Instance) (*emptypb.Empty, error) {
	tester, err := as[ingest.ConnectionTester](s, req.GetInstance())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, tester.TestConnection(ctx)
}

// TestAccess implements pluginpb.PluginServer.
func (s *server) TestAccess(ctx context.Context, req *pluginpb.TestAccessRequest) (*emptypb.Empty, error) {
	tester, err := as[ingest.AccessTester](s, req.GetInstance())
	if err != nil {
		return nil, err
	}
	var beside *ingest.Codec
	if req.GetBeside() != nil {
		codec := pluginpb.ToCodec(req.GetBeside())
		beside = &codec
	}
	return &emptypb.Empty{}, tester.TestAccess(ctx, ingest.Access(req.GetAccess()), beside)
}

// Locate implements pluginpb.PluginServer.
func (s *server) Locate(_ context.Context, req *pluginpb.Element) (*pluginpb.Location, error) {
	locator, err := as[ingest.Locator](s, req.GetInstance())
	if err != nil {
		return nil, err
	}
	return &pluginpb.Location{Uri: locator.Location(pluginpb.ToCodec(req.GetCodec()))}, nil
}
