package host

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// shortTimeout bounds calls that have no context, and ask nothing of a system.
const shortTimeout = 10 * time.Second

// instance is a source or a destination of a plugin, in whatever process of it is
// running.
type instance struct {
	process      *process
	role         pluginpb.Role
	config       []byte
	capabilities []pluginpb.Capability

	// lock guards what follows. It is a mutex that a cancelled context can
	// leave.
	lock chan struct{}
	run  *run
	id   uint64
}

func newInstance(p *process, role pluginpb.Role, config []byte) (*instance, error) {
	i := &instance{process: p, role: role, config: config, lock: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), 2*startTimeout)
	defer cancel()
	r, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	i.capabilities, err = i.open(ctx, r)
	return i, err
}

func (i *instance) can(capability pluginpb.Capability) bool {
	return slices.Contains(i.capabilities, capability)
}

// open opens the instance in a process.
func (i *instance) open(ctx context.Context, r *run) ([]pluginpb.Capability, error) {
	resp, err := r.rpc.Open(ctx, &pluginpb.OpenRequest{Role: i.role, Config: i.config})
	if err != nil {
		return nil, i.explain(ctx, r, err)
	}
	i.run, i.id = r, resp.GetInstance()
	return resp.GetCapabilities(), nil
}

// ready returns the running process, and what it calls the instance.
func (i *instance) ready(ctx context.Context) (*run, uint64, error) {
	r, err := i.process.connect(ctx)
	if err != nil {
		return nil, 0, err
	}
	select {
	case i.lock <- struct{}{}:
		defer func() { <-i.lock }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	if i.run == r {
		return r, i.id, nil
	}
	capabilities, err := i.open(ctx, r)
	if err != nil {
		// It was opened before: this is no failure of an element.
		return nil, 0, ingest.Outage(fmt.Errorf("opening again: %w", err))
	}
	if !slices.Equal(capabilities, i.capabilities) {
		i.run = nil
		return nil, 0, ingest.Outage(fmt.Errorf("plugin %s was replaced by one that can do other things: start anew", i.process.name))
	}
	return r, i.id, nil
}

// call calls the plugin.
func call[T any](ctx context.Context, i *instance, f func(rpc pluginpb.PluginClient, id uint64) (T, error)) (T, error) {
	r, id, err := i.ready(ctx)
	if err != nil {
		var none T
		return none, err
	}
	result, err := f(r.rpc, id)
	return result, i.explain(ctx, r, err)
}

// explain makes of the error of a call what it was in the plugin. A process that
// is gone is an error that is tried again.
func (i *instance) explain(ctx context.Context, r *run, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	given, err := pluginpb.ToError(err)
	if given {
		return fmt.Errorf("plugin %s: %w", i.process.name, err)
	}
	if status.Code(err) == codes.Unavailable {
		r.fail()
		return fmt.Errorf("plugin %s ended in the middle: %w", i.process.name, err)
	}
	return fmt.Errorf("plugin %s: %w", i.process.name, err)
}

// Close implements io.Closer: the plugin forgets the instance.
func (i *instance) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shortTimeout)
	defer cancel()
	i.lock <- struct{}{}
	defer func() { <-i.lock }()
	if i.run == nil || i.run.gone.Err() != nil {
		return nil
	}
	_, err := i.run.rpc.Close(ctx, &pluginpb.Instance{Instance: i.id})
	err = i.explain(ctx, i.run, err)
	i.run = nil
	return err
}

func element(id uint64, codec ingest.Codec, version *ingest.Object) *pluginpb.Element {
	return &pluginpb.Element{Instance: id, Codec: pluginpb.FromCodec(codec), Version: pluginpb.FromObject(version)}
}
