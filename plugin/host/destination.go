package host

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// destination is a plugin's destination.
type destination struct{ *instance }

var _ ingest.Destination = (*destination)(nil)

// Stat implements ingest.Destination.
func (d *destination) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	stored, err := call(ctx, d.instance, func(rpc pluginpb.PluginClient, id uint64) (*pluginpb.Stored, error) {
		return rpc.StatStored(ctx, element(id, codec, nil))
	})
	if err != nil {
		return nil, err
	}
	return pluginpb.ToStored(stored), nil
}

// Confirm implements outputs.Confirmer.
func (d *destination) Confirm(ctx context.Context, codec ingest.Codec) error {
	if !d.can(pluginpb.Capability_CAPABILITY_CONFIRMER) {
		return nil
	}
	_, err := call(ctx, d.instance, func(rpc pluginpb.PluginClient, id uint64) (*emptypb.Empty, error) {
		return rpc.Confirm(ctx, element(id, codec, nil))
	})
	return err
}

type storeStream = grpc.BidiStreamingClient[pluginpb.StoreRequest, pluginpb.StoreResponse]

// Store implements ingest.Destination.
func (d *destination) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	r, id, err := d.ready(ctx)
	if err != nil {
		return nil, err
	}
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := r.rpc.Store(streaming)
	if err != nil {
		return nil, d.explain(ctx, r, err)
	}
	type answer struct {
		stored *ingest.Stored
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		stored, err := receive(ctx, stream)
		answered <- answer{stored, err}
	}()
	sent, readErr := send(ctx, stream, element(id, codec, nil), obj)
	a := <-answered
	switch {
	case readErr != nil:
		// Whatever the plugin made of it, the object is not whole.
		return nil, readErr
	case a.err != nil:
		return nil, d.explain(ctx, r, a.err)
	case sent < 0:
		return nil, fmt.Errorf("plugin %s says that it stored an object that it has not got to the end", d.process.name)
	case a.stored.Len != sent:
		return nil, fmt.Errorf("plugin %s says that it stored %d bytes of %d", d.process.name, a.stored.Len, sent)
	}
	return a.stored, nil
}

// send sends the object. It returns how long its content is, or -1 if the plugin
// ended the call before, and an error if reading failed.
func send(ctx context.Context, stream storeStream, el *pluginpb.Element, obj ingest.Object) (int64, error) {
	begin := &pluginpb.StoreBegin{Element: el, Object: pluginpb.FromObject(&obj)}
	if obj.Tags != nil {
		// The plugin cannot ask for them later.
		if tags, err := obj.Tags(ctx); err != nil {
			begin.TagsError = pluginpb.ErrorText(err)
		} else {
			begin.Tags = &pluginpb.TagSet{Tags: tags}
		}
	}
	// Where sending fails, receiving says why.
	if stream.Send(&pluginpb.StoreRequest{Part: &pluginpb.StoreRequest_Begin{Begin: begin}}) != nil {
		return -1, nil
	}
	defer stream.CloseSend() //nolint:errcheck // as above
	buf := make([]byte, pluginpb.ChunkSize)
	sent := int64(0)
	for {
		n, err := obj.Reader.Read(buf)
		if n > 0 {
			sent += int64(n)
			if stream.Send(&pluginpb.StoreRequest{Part: &pluginpb.StoreRequest_Chunk{Chunk: buf[:n]}}) != nil {
				return -1, nil
			}
		}
		if err == io.EOF { // an error that wraps io.EOF is not the end
			if stream.Send(&pluginpb.StoreRequest{Part: &pluginpb.StoreRequest_End{End: &emptypb.Empty{}}}) != nil {
				return -1, nil
			}
			return sent, nil
		}
		if err != nil {
			_ = stream.Send(&pluginpb.StoreRequest{Part: &pluginpb.StoreRequest_Failed{Failed: pluginpb.ErrorText(err)}})
			return -1, err
		}
	}
}

// receive waits for what the plugin stored.
func receive(ctx context.Context, stream storeStream) (*ingest.Stored, error) {
	for {
		msg, err := stream.Recv()
		if err == io.EOF { //nolint:errorlint // as Recv returns it
			return nil, fmt.Errorf("%w: a store ended without an answer", errProtocol)
		}
		if err != nil {
			return nil, err
		}
		switch part := msg.GetPart().(type) {
		case *pluginpb.StoreResponse_Progress:
			ingest.Progress(ctx)
		case *pluginpb.StoreResponse_Stored:
			return pluginpb.ToStored(part.Stored), nil
		default:
			return nil, fmt.Errorf("%w: neither progress nor what is stored", errProtocol)
		}
	}
}
