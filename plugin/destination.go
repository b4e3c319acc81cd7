package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// progressInterval is how often a host hears at most that a store gets on.
const progressInterval = 200 * time.Millisecond

var errNothingStored = errors.New("the destination does not say what it holds, and gave no error")

// destination returns an instance that is a destination.
func (s *server) destination(id uint64) (ingest.Destination, error) {
	inst, err := s.instance(id)
	if err == nil && inst.destination == nil {
		err = ErrNotImplemented
	}
	if err != nil {
		return nil, err
	}
	return inst.destination, nil
}

// StatStored implements pluginpb.PluginServer.
func (s *server) StatStored(ctx context.Context, req *pluginpb.Element) (*pluginpb.Stored, error) {
	dest, err := s.destination(req.GetInstance())
	if err != nil {
		return nil, err
	}
	stored, err := dest.Stat(ctx, pluginpb.ToCodec(req.GetCodec()))
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, errNothingStored
	}
	return pluginpb.FromStored(stored), nil
}

// Confirm implements pluginpb.PluginServer.
func (s *server) Confirm(ctx context.Context, req *pluginpb.Element) (*emptypb.Empty, error) {
	confirmer, err := as[Confirmer](s, req.GetInstance())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, confirmer.Confirm(ctx, pluginpb.ToCodec(req.GetCodec()))
}

type storeStream = grpc.BidiStreamingServer[pluginpb.StoreRequest, pluginpb.StoreResponse]

// Store implements pluginpb.PluginServer.
func (s *server) Store(stream storeStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	begin := first.GetBegin()
	if begin == nil {
		return errors.New("a store begins with a description")
	}
	dest, err := s.destination(begin.GetElement().GetInstance())
	if err != nil {
		return err
	}
	ctx, done := reportProgress(stream.Context(), func() error {
		return stream.Send(&pluginpb.StoreResponse{Part: &pluginpb.StoreResponse_Progress{Progress: &emptypb.Empty{}}})
	})
	content := &content{stream: stream}
	obj := pluginpb.ToObject(begin.GetObject())
	if obj == nil {
		obj = &ingest.Object{Len: -1}
	}
	obj.Reader = ingest.ProgressReader(ctx, content)
	if begin.GetObject().GetHasTags() {
		obj.Tags = func(context.Context) (map[string]string, error) {
			if text := begin.GetTagsError(); text != "" {
				return nil, errors.New(text)
			}
			return begin.GetTags().GetTags(), nil
		}
	}
	stored, err := dest.Store(ctx, pluginpb.ToCodec(begin.GetElement().GetCodec()), *obj)
	// Send takes one goroutine at a time.
	done()
	if err == nil {
		err = content.finished()
	}
	if err == nil && stored == nil {
		err = errNothingStored
	}
	if err != nil {
		return err
	}
	return stream.Send(&pluginpb.StoreResponse{Part: &pluginpb.StoreResponse_Stored{Stored: pluginpb.FromStored(stored)}})
}

// reportProgress returns a context whose progress is told to the host, until the
// function that is returned is called.
func reportProgress(ctx context.Context, tell func() error) (context.Context, func()) {
	var moved atomic.Bool
	ctx = ingest.WithProgress(ctx, func() { moved.Store(true) })
	stop := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				if moved.Swap(false) && tell() != nil {
					return
				}
			}
		}
	})
	return ctx, func() {
		close(stop)
		told.Wait()
	}
}

// content reads the chunks of a store. It ends with io.EOF only where the host
// said that the content ends.
type content struct {
	stream storeStream
	rest   []byte
	err    error
}

func (c *content) Read(p []byte) (int, error) {
	for len(c.rest) == 0 && c.err == nil {
		msg, err := c.stream.Recv()
		switch part := msg.GetPart().(type) {
		case *pluginpb.StoreRequest_Chunk:
			c.rest = part.Chunk
		case *pluginpb.StoreRequest_End:
			c.err = io.EOF
		case *pluginpb.StoreRequest_Failed:
			c.err = fmt.Errorf("reading the object: %s", part.Failed)
		default:
			c.err = err
			if err == nil || err == io.EOF { //nolint:errorlint // as Recv returns it
				c.err = io.ErrUnexpectedEOF
			}
		}
	}
	if len(c.rest) == 0 {
		return 0, c.err
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// finished fails unless the content was read to its end: who stores less than
// that has not stored the object.
func (c *content) finished() error {
	n, err := c.Read(make([]byte, 1))
	switch {
	case n > 0:
		return errors.New("the destination did not read the whole object, and gave no error")
	case err == io.EOF: //nolint:errorlint // as Read returns it
		return nil
	}
	return err
}
