// Command noop is a plugin that moves nothing: a source of one small object, and a
// destination that reads what it is given and keeps none of it. It shows that
// plugins are found and started.
package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/plugin"
)

const text = "there is nothing in it\n"

var element = ingest.NewCodec("noop", "noop.txt", nil)

var stores = promauto.NewCounter(prometheus.CounterOpts{
	Name: "noop_stores_total",
	Help: "Objects that were read, and not kept.",
})

func main() {
	plugin.Serve(
		plugin.Source(func(config plugin.Config) (ingest.Source, error) {
			return &source{}, config.Decode(&struct{}{})
		}),
		plugin.Destination(func(config plugin.Config) (ingest.Destination, error) {
			return destination{}, config.Decode(&struct{}{})
		}),
	)
}

// source lists one element.
type source struct{ listed bool }

func (s *source) Reset(context.Context) error {
	s.listed = false
	return nil
}

func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.listed {
		return nil, io.EOF
	}
	s.listed = true
	codec := element
	return &codec, nil
}

func (s *source) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	if codec.ID != element.ID {
		return nil, ingest.NotFound(fmt.Errorf("there is only %q, and no %q", element.ID, codec.ID))
	}
	return &ingest.Object{MimeType: "text/plain", Len: int64(len(text)), Reader: strings.NewReader(text)}, nil
}

func (s *source) CleanUp(context.Context, ingest.Codec) error { return nil }

// destination keeps nothing, and so can prove nothing: with it, nothing is cleaned
// up at a source.
type destination struct{}

func (destination) Stat(_ context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	return nil, ingest.NotFound(fmt.Errorf("%q was not kept", codec.Name))
}

func (destination) Store(_ context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	n, err := io.Copy(io.Discard, obj.Reader)
	if err != nil {
		return nil, err
	}
	stores.Inc()
	return &ingest.Stored{URI: "noop:" + codec.Name, Len: n}, nil
}
