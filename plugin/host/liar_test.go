package host

import (
	"context"
	"errors"
	"io"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// liar is a plugin that does not keep to the protocol.
type liar struct {
	pluginpb.UnimplementedPluginServer
}

func serveLiar() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: pluginpb.Handshake,
		Plugins:         goplugin.PluginSet{pluginpb.ServiceName: &pluginpb.Service{Impl: liar{}}},
		GRPCServer:      goplugin.DefaultGRPCServer,
	})
}

func (liar) Live(_ *emptypb.Empty, stream grpc.ServerStreamingServer[emptypb.Empty]) error {
	err := stream.Send(&emptypb.Empty{})
	<-stream.Context().Done()
	return err
}

func (liar) Open(context.Context, *pluginpb.OpenRequest) (*pluginpb.OpenResponse, error) {
	return &pluginpb.OpenResponse{Instance: 1}, nil
}

func (liar) Reset(context.Context, *pluginpb.Instance) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (liar) Next(context.Context, *pluginpb.NextRequest) (*pluginpb.NextResponse, error) {
	return &pluginpb.NextResponse{}, nil
}

var (
	description = &pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_Object{Object: &pluginpb.Object{Len: 4}}}
	chunk       = &pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_Chunk{Chunk: []byte("four")}}
	end         = &pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_End{End: &emptypb.Empty{}}}
)

var downloads = map[string][]*pluginpb.DownloadResponse{
	"sound":               {description, chunk, end},
	"nothing":             {},
	"no description":      {chunk, end},
	"no end":              {description, chunk},
	"more after the end":  {description, chunk, end, chunk},
	"two ends":            {description, chunk, end, end},
	"an empty message":    {description, {}, end},
	"described twice":     {description, description, chunk, end},
	"larger than allowed": {description, {Part: &pluginpb.DownloadResponse_Chunk{Chunk: make([]byte, pluginpb.MaxMessageSize+1)}}, end},
}

func (liar) Download(req *pluginpb.Element, stream grpc.ServerStreamingServer[pluginpb.DownloadResponse]) error {
	for _, msg := range downloads[string(req.GetCodec().GetId())] {
		if err := stream.Send(msg); err != nil {
			return err
		}
	}
	return nil
}

func (liar) Store(stream grpc.BidiStreamingServer[pluginpb.StoreRequest, pluginpb.StoreResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if string(first.GetBegin().GetElement().GetCodec().GetId()) == "silent" {
		return nil
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	return stream.Send(&pluginpb.StoreResponse{Part: &pluginpb.StoreResponse_Stored{Stored: &pluginpb.Stored{Len: 3, Verified: true}}})
}

// Nothing that a plugin says or leaves out makes half an object a whole one, or a
// listing complete that is not.
func TestLiar(t *testing.T) {
	h := newHost(t)
	p := pluginNamed(t, "liar", nil)
	source, err := h.Lister(p)
	require.NoError(t, err)
	dest, err := h.Destination(p)
	require.NoError(t, err)
	ctx := t.Context()

	_, err = source.Next(ctx)
	require.ErrorContains(t, err, "neither an element nor the end")
	require.NotErrorIs(t, err, io.EOF)

	for id := range downloads {
		t.Run(id, func(t *testing.T) {
			var content []byte
			obj, err := source.Download(ctx, ingest.NewCodec(id, id, nil))
			if err == nil {
				content, err = io.ReadAll(obj.Reader)
				require.NoError(t, obj.Close())
			}
			if id == "sound" {
				require.NoError(t, err)
				assert.Equal(t, "four", string(content))
				return
			}
			require.Error(t, err)
			require.NotErrorIs(t, err, io.EOF)
			require.NotErrorIs(t, err, ingest.ErrNotFound)
		})
	}

	for _, id := range []string{"silent", "wrong length"} {
		stored, err := dest.Store(ctx, ingest.NewCodec(id, id, nil), object("four"))
		require.Error(t, err, id)
		assert.Nil(t, stored)
	}
	err = source.CleanUp(ctx, ingest.NewCodec("a", "a", nil))
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), "what a plugin does not know at all will not work later")
}
