package host

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

// source is a plugin's source. It is an ingest.Lister whether the plugin's is one or
// not: nothing known of an element is an answer too.
type source struct {
	*instance

	// listing is the process that lists, position how many elements it has
	// returned.
	listing  *run
	position uint64
	ended    bool
}

var (
	_ ingest.Source          = (*source)(nil)
	_ ingest.Lister          = (*source)(nil)
	_ ingest.VersionedClient = versions{}
)

// Reset implements ingest.Nexter.
func (s *source) Reset(ctx context.Context) error {
	r, id, err := s.ready(ctx)
	if err != nil {
		return err
	}
	return s.reset(ctx, r, id)
}

func (s *source) reset(ctx context.Context, r *run, id uint64) error {
	s.listing = nil
	if _, err := r.rpc.Reset(ctx, &pluginpb.Instance{Instance: id}); err != nil {
		return s.explain(ctx, r, err)
	}
	s.listing, s.position, s.ended = r, 0, false
	return nil
}

// Next implements ingest.Nexter.
func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := s.NextObject(ctx)
	return codec, err
}

// NextObject implements ingest.Lister. A listing whose process is gone begins anew:
// what it returned is returned again, and nothing is left out.
func (s *source) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if s.ended {
		return nil, nil, io.EOF
	}
	r, id, err := s.ready(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s.listing != r {
		if err := s.reset(ctx, r, id); err != nil {
			return nil, nil, err
		}
	}
	resp, err := r.rpc.Next(ctx, &pluginpb.NextRequest{Instance: id, Position: s.position})
	if err != nil {
		return nil, nil, s.explain(ctx, r, err)
	}
	switch next := resp.GetNext().(type) {
	case *pluginpb.NextResponse_End:
		s.ended = true
		return nil, nil, io.EOF
	case *pluginpb.NextResponse_LeftOut:
		s.position++
		return nil, nil, ingest.LeftOut(fmt.Errorf("plugin %s: %s", s.process.name, next.LeftOut))
	case *pluginpb.NextResponse_Element:
		s.position++
		codec := pluginpb.ToCodec(next.Element.GetCodec())
		return &codec, s.object(next.Element.GetObject(), codec), nil
	}
	return nil, nil, fmt.Errorf("plugin %s listed neither an element nor the end", s.process.name)
}

// object makes an object of its description.
func (s *source) object(description *pluginpb.Object, codec ingest.Codec) *ingest.Object {
	obj := pluginpb.ToObject(description)
	if !description.GetHasTags() {
		return obj
	}
	obj.Tags = func(ctx context.Context) (map[string]string, error) {
		set, err := call(ctx, s.instance, func(rpc pluginpb.PluginClient, id uint64) (*pluginpb.TagSet, error) {
			return rpc.Tags(ctx, &pluginpb.Element{Instance: id, Codec: pluginpb.FromCodec(codec), Version: description})
		})
		return set.GetTags(), err
	}
	return obj
}

// Download implements ingest.Client.
func (s *source) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	return s.download(ctx, codec, nil)
}

func (s *source) download(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	r, id, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	// The stream lives until the object is closed.
	streaming, cancel := context.WithCancel(ctx)
	stream, err := r.rpc.Download(streaming, element(id, codec, version))
	var first *pluginpb.DownloadResponse
	if err == nil {
		first, err = stream.Recv()
	}
	if err == nil && first.GetObject() == nil || err == io.EOF { //nolint:errorlint // as Recv returns it
		err = fmt.Errorf("%w: a content begins with a description", errProtocol)
	}
	if err != nil {
		cancel()
		return nil, s.explain(ctx, r, err)
	}
	obj := s.object(first.GetObject(), codec)
	obj.Reader = &content{
		stream:  stream,
		cancel:  cancel,
		explain: func(err error) error { return s.explain(ctx, r, err) },
	}
	return obj, nil
}

// CleanUp implements ingest.Client.
func (s *source) CleanUp(ctx context.Context, codec ingest.Codec) error {
	return s.cleanUp(ctx, codec, nil)
}

func (s *source) cleanUp(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	_, err := call(ctx, s.instance, func(rpc pluginpb.PluginClient, id uint64) (*emptypb.Empty, error) {
		return rpc.CleanUp(ctx, element(id, codec, version))
	})
	return err
}

// versions implements ingest.VersionedClient.
type versions struct{ *source }

func (v versions) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	obj, err := call(ctx, v.instance, func(rpc pluginpb.PluginClient, id uint64) (*pluginpb.Object, error) {
		return rpc.StatSource(ctx, element(id, codec, nil))
	})
	if err != nil {
		return nil, err
	}
	return v.object(obj, codec), nil
}

func (v versions) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	return v.download(ctx, codec, version)
}

func (v versions) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	return v.cleanUp(ctx, codec, version)
}

// errProtocol says that a plugin does not keep to the protocol.
var errProtocol = errors.New("the plugin breaks the protocol")

// content reads a download. It ends with io.EOF only where the plugin said that the
// content ends, and then ended the stream.
type content struct {
	stream  grpc.ServerStreamingClient[pluginpb.DownloadResponse]
	cancel  context.CancelFunc
	explain func(error) error
	rest    []byte
	err     error
}

func (c *content) Read(p []byte) (int, error) {
	for len(c.rest) == 0 && c.err == nil {
		c.rest, c.err = c.next()
	}
	if len(c.rest) == 0 {
		c.cancel()
		return 0, c.err
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *content) next() ([]byte, error) {
	msg, err := c.stream.Recv()
	switch {
	case err == io.EOF: //nolint:errorlint // as Recv returns it
		return nil, fmt.Errorf("%w: %w", errProtocol, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, c.explain(err)
	}
	switch part := msg.GetPart().(type) {
	case *pluginpb.DownloadResponse_Chunk:
		return part.Chunk, nil
	case *pluginpb.DownloadResponse_End:
		if _, err := c.stream.Recv(); err == nil {
			return nil, fmt.Errorf("%w: something comes after the end of a content", errProtocol)
		} else if err != io.EOF { //nolint:errorlint // as Recv returns it
			return nil, c.explain(err)
		}
		return nil, io.EOF
	}
	return nil, fmt.Errorf("%w: neither a chunk nor the end of a content", errProtocol)
}

// Close implements io.Closer.
func (c *content) Close() error {
	c.cancel()
	return nil
}
