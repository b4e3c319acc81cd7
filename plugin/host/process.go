package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/redpanda-data/benthos/v4/public/service"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

const (
	// startTimeout is how long a plugin may take to start.
	startTimeout = 30 * time.Second
	// keepaliveTime and keepaliveTimeout say when a process that hangs as a
	// whole counts as ended.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 10 * time.Second
	// exitTimeout is how long a plugin may take to end when it is told to.
	exitTimeout = 5 * time.Second
	// soundAfter is how long a plugin has run before a crash counts as the
	// first again.
	soundAfter = time.Minute
)

var errClosed = errors.New("plugins are shut down")

// process is one executable, which is started when it is used and does not run.
type process struct {
	path, name string
	log        *service.Logger
	metrics    *metrics

	// lock guards what follows. It is a mutex that a cancelled context can
	// leave: starting takes time.
	lock      chan struct{}
	run       *run
	retry     backoff.BackOff
	notBefore time.Time
	closed    bool
	// watching are the runs of which something is left.
	watching sync.WaitGroup
}

// run is a process from start to end.
type run struct {
	client  *goplugin.Client
	cmd     *exec.Cmd
	folder  string
	rpc     pluginpb.PluginClient
	started time.Time
	// gone is done when the process ended or is of no more use, as fail says.
	gone context.Context
	fail context.CancelFunc
}

func newProcess(path, name string, res *service.Resources, taken *takenNames) *process {
	return &process{
		path:    path,
		name:    name,
		log:     res.Logger().With("plugin", name),
		metrics: newMetrics(name, res, taken),
		lock:    make(chan struct{}, 1),
		retry: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(500*time.Millisecond),
			backoff.WithMaxInterval(30*time.Second),
			backoff.WithMaxElapsedTime(0),
		),
	}
}

func (p *process) acquire(ctx context.Context) error {
	select {
	case p.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *process) release() { <-p.lock }

// connect returns the running process, and starts it if there is none. While a
// process that ended is not to be started again yet, it fails with ErrOutage.
func (p *process) connect(ctx context.Context) (*run, error) {
	if err := p.acquire(ctx); err != nil {
		return nil, err
	}
	defer p.release()
	if p.closed {
		return nil, ingest.Outage(errClosed)
	}
	if p.run != nil && p.run.gone.Err() == nil {
		return p.run, nil
	}
	p.forget(p.run)
	if wait := time.Until(p.notBefore); wait > 0 {
		return nil, ingest.Outage(fmt.Errorf("plugin %s has ended, and is started again in %s", p.name, wait.Round(time.Millisecond)))
	}
	r, err := p.start()
	if err != nil {
		p.notBefore = time.Now().Add(p.retry.NextBackOff())
		return nil, ingest.Outage(fmt.Errorf("starting plugin %s: %w", p.name, err))
	}
	p.run = r
	p.metrics.started()
	p.watching.Go(func() { p.watch(r) })
	return r, nil
}

// forget makes place for the next run, which is not to begin at once.
func (p *process) forget(r *run) {
	if r == nil || p.run != r {
		return
	}
	p.run = nil
	if time.Since(r.started) > soundAfter {
		p.retry.Reset()
	}
	p.notBefore = time.Now().Add(p.retry.NextBackOff())
}

func (p *process) start() (*run, error) {
	// It may have been replaced since it was found.
	if path, err := executable(p.path); err != nil || path != p.path {
		return nil, errors.Join(err, fmt.Errorf("%s is not what it was", p.path))
	}
	folder, err := os.MkdirTemp("", "ingest-plugin-")
	if err != nil {
		return nil, err
	}
	logger := newLogger(p.log)
	cmd := exec.Command(p.path) //nolint:gosec // to run what the configuration names is the purpose
	cmd.Env = []string{goplugin.EnvUnixSocketDir + "=" + folder}
	r := &run{folder: folder, cmd: cmd, started: time.Now()}
	r.gone, r.fail = context.WithCancel(context.Background()) //nolint:gosec // called when the process has ended
	r.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  pluginpb.Handshake,
		Plugins:          goplugin.PluginSet{pluginpb.ServiceName: &pluginpb.Service{}},
		Cmd:              cmd,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		StartTimeout:     startTimeout,
		Logger:           logger,
		SyncStdout:       lines(logger),
		SyncStderr:       lines(logger),
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(pluginpb.MaxMessageSize), grpc.MaxCallSendMsgSize(pluginpb.MaxMessageSize)),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		},
	})
	live, err := r.connect()
	if err != nil {
		r.fail()
		r.kill()
		return nil, explainStart(err)
	}
	go func() {
		for {
			if _, err := live.Recv(); err != nil {
				r.fail()
				return
			}
		}
	}()
	return r, nil
}

// connect waits until the plugin serves.
func (r *run) connect() (grpc.ServerStreamingClient[emptypb.Empty], error) {
	protocol, err := r.client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(pluginpb.ServiceName)
	if err != nil {
		return nil, err
	}
	r.rpc = raw.(pluginpb.PluginClient)
	late := time.AfterFunc(startTimeout, r.fail)
	defer late.Stop()
	live, err := r.rpc.Live(r.gone, &emptypb.Empty{})
	if err == nil {
		_, err = live.Recv()
	}
	return live, err
}

func explainStart(err error) error {
	if strings.Contains(err.Error(), "incompatible API version") {
		return fmt.Errorf("it was built for another version of ingest, and must be built anew: %w", err)
	}
	return err
}

// watch waits for the end of a run, and clears up after it.
func (p *process) watch(r *run) {
	p.metrics.collect(r.gone, r.rpc, p.log)
	<-r.gone.Done()
	_ = p.acquire(context.Background())
	closed := p.closed
	p.forget(r)
	p.release()
	p.metrics.ended()
	if !closed {
		p.log.Errorf("plugin %s ended, or does not answer; what was in flight is tried again", p.name)
	}
	r.kill()
}

// kill ends the process, if it still runs, and waits for that.
func (r *run) kill() {
	if r.cmd.Process != nil {
		_ = r.cmd.Process.Kill()
	}
	r.client.Kill()
	_ = os.RemoveAll(r.folder)
}

// close ends the process in order, and for good.
func (p *process) close() {
	_ = p.acquire(context.Background())
	p.closed = true
	r := p.run
	p.release()
	if r != nil {
		// The plugin gives up what it does when its host takes leave.
		hard := time.AfterFunc(exitTimeout, r.fail)
		defer hard.Stop()
		r.client.Kill()
		r.fail()
	}
	p.watching.Wait()
}
