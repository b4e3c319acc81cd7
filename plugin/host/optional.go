package host

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// tester implements ingest.ConnectionTester.
type tester struct{ *instance }

func (t tester) TestConnection(ctx context.Context) error {
	_, err := call(ctx, t.instance, func(rpc pluginpb.PluginClient, id uint64) (*emptypb.Empty, error) {
		return rpc.TestConnection(ctx, &pluginpb.Instance{Instance: id})
	})
	return err
}

// access implements ingest.AccessTester.
type access struct{ *instance }

func (a access) TestAccess(ctx context.Context, what ingest.Access, beside *ingest.Codec) error {
	_, err := call(ctx, a.instance, func(rpc pluginpb.PluginClient, id uint64) (*emptypb.Empty, error) {
		req := &pluginpb.TestAccessRequest{Instance: id, Access: string(what)}
		if beside != nil {
			req.Beside = pluginpb.FromCodec(*beside)
		}
		return rpc.TestAccess(ctx, req)
	})
	return err
}

// locator implements ingest.Locator.
type locator struct{ *instance }

func (l locator) Location(codec ingest.Codec) string {
	ctx, cancel := context.WithTimeout(context.Background(), shortTimeout)
	defer cancel()
	location, err := call(ctx, l.instance, func(rpc pluginpb.PluginClient, id uint64) (*pluginpb.Location, error) {
		return rpc.Locate(ctx, element(id, codec, nil))
	})
	if err != nil {
		// What comes next says what is wrong.
		return ""
	}
	return location.GetUri()
}

const (
	versioned  = 1
	testable   = 2
	accessible = 4
	locatable  = 8
)

// optionals are the capabilities that are interfaces of a proxy.
var optionals = map[pluginpb.Capability]int{
	pluginpb.Capability_CAPABILITY_VERSIONED:         versioned,
	pluginpb.Capability_CAPABILITY_CONNECTION_TESTER: testable,
	pluginpb.Capability_CAPABILITY_ACCESS_TESTER:     accessible,
	pluginpb.Capability_CAPABILITY_LOCATOR:           locatable,
}

func (i *instance) optional() (mask int) {
	for capability, bit := range optionals {
		if i.can(capability) {
			mask |= bit
		}
	}
	return mask
}

// asSource returns a source that implements of the optional interfaces those that
// the plugin's source does. A type has its methods or has not, hence the list.
func asSource(s *source) ingest.Source {
	v, t, a, l := versions{s}, tester{s.instance}, access{s.instance}, locator{s.instance}
	type (
		tests = ingest.ConnectionTester
		asks  = ingest.AccessTester
		tells = ingest.Locator
	)
	switch s.optional() {
	case versioned:
		return v
	case testable:
		return struct {
			*source
			tests
		}{s, t}
	case testable | versioned:
		return struct {
			versions
			tests
		}{v, t}
	case accessible:
		return struct {
			*source
			asks
		}{s, a}
	case accessible | versioned:
		return struct {
			versions
			asks
		}{v, a}
	case accessible | testable:
		return struct {
			*source
			tests
			asks
		}{s, t, a}
	case accessible | testable | versioned:
		return struct {
			versions
			tests
			asks
		}{v, t, a}
	case locatable:
		return struct {
			*source
			tells
		}{s, l}
	case locatable | versioned:
		return struct {
			versions
			tells
		}{v, l}
	case locatable | testable:
		return struct {
			*source
			tests
			tells
		}{s, t, l}
	case locatable | testable | versioned:
		return struct {
			versions
			tests
			tells
		}{v, t, l}
	case locatable | accessible:
		return struct {
			*source
			asks
			tells
		}{s, a, l}
	case locatable | accessible | versioned:
		return struct {
			versions
			asks
			tells
		}{v, a, l}
	case locatable | accessible | testable:
		return struct {
			*source
			tests
			asks
			tells
		}{s, t, a, l}
	case locatable | accessible | testable | versioned:
		return struct {
			versions
			tests
			asks
			tells
		}{v, t, a, l}
	}
	return s
}

// asDestination is asSource for a destination.
func asDestination(d *destination) ingest.Destination {
	t, a, l := tester{d.instance}, access{d.instance}, locator{d.instance}
	type (
		tests = ingest.ConnectionTester
		asks  = ingest.AccessTester
		tells = ingest.Locator
	)
	switch d.optional() &^ versioned {
	case testable:
		return struct {
			*destination
			tests
		}{d, t}
	case accessible:
		return struct {
			*destination
			asks
		}{d, a}
	case accessible | testable:
		return struct {
			*destination
			tests
			asks
		}{d, t, a}
	case locatable:
		return struct {
			*destination
			tells
		}{d, l}
	case locatable | testable:
		return struct {
			*destination
			tests
			tells
		}{d, t, l}
	case locatable | accessible:
		return struct {
			*destination
			asks
			tells
		}{d, a, l}
	case locatable | accessible | testable:
		return struct {
			*destination
			tests
			asks
			tells
		}{d, t, a, l}
	}
	return d
}
