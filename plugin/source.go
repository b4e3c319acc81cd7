package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// listing is the state of a source's listing. The last element is kept: a host
// that gave up waiting for it asks for it again, and must not lose it.
type listing struct {
	// lock is a mutex that a cancelled context can leave.
	lock     chan struct{}
	produced uint64
	last     *pluginpb.NextResponse
}

func newListing() listing { return listing{lock: make(chan struct{}, 1)} }

func (l *listing) acquire(ctx context.Context) error {
	select {
	case l.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *listing) release() { <-l.lock }

// source returns an instance that is a source.
func (s *server) source(id uint64) (*instance, error) {
	inst, err := s.instance(id)
	if err == nil && inst.source == nil {
		err = ErrNotImplemented
	}
	return inst, err
}

// Reset implements pluginpb.PluginServer.
func (s *server) Reset(ctx context.Context, req *pluginpb.Instance) (*emptypb.Empty, error) {
	inst, err := s.source(req.GetInstance())
	if err != nil {
		return nil, err
	}
	l := &inst.listing
	if err := l.acquire(ctx); err != nil {
		return nil, err
	}
	defer l.release()
	if err := inst.source.Reset(ctx); err != nil {
		return nil, err
	}
	l.produced, l.last = 0, nil
	return &emptypb.Empty{}, nil
}

// Next implements pluginpb.PluginServer.
func (s *server) Next(ctx context.Context, req *pluginpb.NextRequest) (*pluginpb.NextResponse, error) {
	inst, err := s.source(req.GetInstance())
	if err != nil {
		return nil, err
	}
	l := &inst.listing
	if err := l.acquire(ctx); err != nil {
		return nil, err
	}
	defer l.release()
	position := req.GetPosition()
	if l.last != nil && position+1 == l.produced {
		return l.last, nil
	}
	if position != l.produced {
		return nil, fmt.Errorf("asked for element %d of a listing that is at %d", position, l.produced)
	}
	codec, obj, err := next(ctx, inst.source)
	switch {
	case errors.Is(err, io.EOF):
		return &pluginpb.NextResponse{Next: &pluginpb.NextResponse_End{End: &emptypb.Empty{}}}, nil
	case errors.Is(err, ingest.ErrLeftOut):
		l.last = &pluginpb.NextResponse{Next: &pluginpb.NextResponse_LeftOut{LeftOut: pluginpb.ErrorText(err)}}
	case err != nil:
		return nil, err
	case codec == nil:
		return nil, errors.New("the source returned no element, and no error")
	default:
		l.last = &pluginpb.NextResponse{Next: &pluginpb.NextResponse_Element{Element: &pluginpb.Listed{
			Codec:  pluginpb.FromCodec(*codec),
			Object: pluginpb.FromObject(obj),
		}}}
	}
	l.produced++
	return l.last, nil
}

func next(ctx context.Context, source ingest.Source) (*ingest.Codec, *ingest.Object, error) {
	if lister, ok := source.(ingest.Lister); ok {
		return lister.NextObject(ctx)
	}
	codec, err := source.Next(ctx)
	return codec, nil, err
}

// StatSource implements pluginpb.PluginServer.
func (s *server) StatSource(ctx context.Context, req *pluginpb.Element) (*pluginpb.Object, error) {
	versioned, err := as[ingest.VersionedClient](s, req.GetInstance())
	if err != nil {
		return nil, err
	}
	obj, err := versioned.Stat(ctx, pluginpb.ToCodec(req.GetCodec()))
	if err == nil && obj == nil {
		err = errors.New("the source described no object, and gave no error")
	}
	return pluginpb.FromObject(obj), err
}

// CleanUp implements pluginpb.PluginServer.
func (s *server) CleanUp(ctx context.Context, req *pluginpb.Element) (*emptypb.Empty, error) {
	codec := pluginpb.ToCodec(req.GetCodec())
	if req.GetVersion() != nil {
		versioned, err := as[ingest.VersionedClient](s, req.GetInstance())
		if err != nil {
			return nil, err
		}
		return &emptypb.Empty{}, versioned.CleanUpVersion(ctx, codec, pluginpb.ToObject(req.GetVersion()))
	}
	inst, err := s.source(req.GetInstance())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, inst.source.CleanUp(ctx, codec)
}

// download opens an element, in a version if the host asks for one.
func (s *server) download(ctx context.Context, req *pluginpb.Element) (*ingest.Object, error) {
	inst, err := s.source(req.GetInstance())
	if err != nil {
		return nil, err
	}
	codec := pluginpb.ToCodec(req.GetCodec())
	versioned, ok := inst.source.(ingest.VersionedClient)
	if req.GetVersion() == nil || !ok {
		return inst.source.Download(ctx, codec)
	}
	return versioned.DownloadVersion(ctx, codec, pluginpb.ToObject(req.GetVersion()))
}

// Download implements pluginpb.PluginServer.
func (s *server) Download(req *pluginpb.Element, stream grpc.ServerStreamingServer[pluginpb.DownloadResponse]) error {
	obj, err := s.download(stream.Context(), req)
	if err != nil {
		return err
	}
	if obj == nil {
		return errors.New("the source opened no object, and gave no error")
	}
	defer obj.Close() //nolint:errcheck // nothing is written
	if obj.Reader == nil {
		return errors.New("the source opened an object without a reader")
	}
	if err := stream.Send(&pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_Object{Object: pluginpb.FromObject(obj)}}); err != nil {
		return err
	}
	buf := make([]byte, pluginpb.ChunkSize)
	for {
		n, err := obj.Reader.Read(buf)
		if n > 0 {
			if err := stream.Send(&pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_Chunk{Chunk: buf[:n]}}); err != nil {
				return err
			}
		}
		if err == io.EOF { // an error that wraps io.EOF is not the end
			return stream.Send(&pluginpb.DownloadResponse{Part: &pluginpb.DownloadResponse_End{End: &emptypb.Empty{}}})
		}
		if err != nil {
			return err
		}
	}
}

// Tags implements pluginpb.PluginServer. Objects are not kept for it: a source
// that can is asked what is there, any other opens the object again.
func (s *server) Tags(ctx context.Context, req *pluginpb.Element) (*pluginpb.TagSet, error) {
	inst, err := s.source(req.GetInstance())
	if err != nil {
		return nil, err
	}
	var obj *ingest.Object
	codec := pluginpb.ToCodec(req.GetCodec())
	if versioned, ok := inst.source.(ingest.VersionedClient); ok {
		obj, err = versioned.Stat(ctx, codec)
	} else {
		obj, err = inst.source.Download(ctx, codec)
	}
	if err != nil {
		return nil, err
	}
	defer obj.Close() //nolint:errcheck // nothing is written
	if version := pluginpb.ToObject(req.GetVersion()); version != nil && !version.SameVersion(obj) {
		return nil, ingest.ErrChanged
	}
	if obj.Tags == nil {
		return &pluginpb.TagSet{}, nil
	}
	tags, err := obj.Tags(ctx)
	return &pluginpb.TagSet{Tags: tags}, err
}
