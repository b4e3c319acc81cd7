// Package pluginpb is the protocol between ingest and its plugins: the messages,
// which are generated from plugin.proto, and what they mean in terms of the root
// package.
package pluginpb

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

const (
	// ProtocolVersion changes with the protocol. The original's plugins have
	// version 2.
	ProtocolVersion = 3
	// ChunkSize is how much of a content one message carries.
	ChunkSize = 128 << 10
	// MaxMessageSize bounds every message, in bytes.
	MaxMessageSize = 4 << 20
	// ServiceName is what the service is called within go-plugin.
	ServiceName = "ingest"
)

// Handshake is what a plugin and its host agree on. The cookie is the original's,
// so that a plugin of the original says which version it is.
var Handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  ProtocolVersion,
	MagicCookieKey:   "INGEST_PLUGIN",
	MagicCookieValue: "d404b451-5a08-44eb-b705-15324b4ff720",
}

// Service makes the protocol known to go-plugin. A host needs no Impl.
type Service struct {
	goplugin.NetRPCUnsupportedPlugin
	Impl PluginServer
}

// GRPCServer implements goplugin.GRPCPlugin.
func (s *Service) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	if s.Impl == nil {
		return errors.New("there is nothing to serve")
	}
	RegisterPluginServer(server, s.Impl)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin: it returns a PluginClient.
func (s *Service) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewPluginClient(conn), nil
}
