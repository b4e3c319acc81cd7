package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// startTimeout is generous: a store of a million messages opens in a second.
const startTimeout = 30 * time.Second

// lockFile is locked by the process that runs the server of the folder.
const lockFile = "ingest.lock"

// embedded is a JetStream server inside this process. All users of one folder
// share one server, which stops with the last of them.
type embedded struct {
	server *server.Server
	lock   *flock.Flock
	dir    string
	users  int
	takers takers
}

var running = struct {
	sync.Mutex
	servers map[string]*embedded
}{servers: map[string]*embedded{}}

// acquireEmbedded returns the server for the folder, and starts it where need be.
func acquireEmbedded(cfg Server, log *service.Logger) (*embedded, error) {
	dir, err := filepath.Abs(cfg.StoreDir)
	if err != nil {
		return nil, fmt.Errorf("field store_dir: %w", err)
	}
	running.Lock()
	defer running.Unlock()
	if e, ok := running.servers[dir]; ok {
		e.users++
		return e, nil
	}
	e, err := startEmbedded(dir, cfg.SyncAlways, log)
	if err != nil {
		return nil, err
	}
	e.users = 1
	running.servers[dir] = e
	return e, nil
}

func (e *embedded) release() {
	running.Lock()
	defer running.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	delete(running.servers, e.dir)
	e.stop()
}

func (e *embedded) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	_ = e.lock.Unlock()
}

func startEmbedded(dir string, syncAlways bool, log *service.Logger) (_ *embedded, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("field store_dir: creating the queue's folder: %w", err)
	}
	// nats-server takes no lock of its own, and two servers on one folder
	// destroy it.
	lock := flock.New(filepath.Join(dir, lockFile))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("field store_dir: locking %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("field store_dir: %s is in use by another process: stop that, run both pipelines in one process (ingest streams), or run a NATS server and set urls", dir)
	}
	defer func() {
		if err != nil {
			_ = lock.Unlock()
		}
	}()
	srv, err := server.NewServer(&server.Options{
		ServerName: "ingest-embedded",
		DontListen: true,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: syncAlways,
		NoSigs:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the embedded queue: %w", err)
	}
	srv.SetLoggerV2(&serverLog{log: log}, false, false, false)
	go srv.Start()
	e := &embedded{server: srv, lock: lock, dir: dir}
	if !srv.ReadyForConnections(startTimeout) || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, errors.New("starting the embedded queue: the server did not become ready; its log says why (logger.level: DEBUG)")
	}
	return e, nil
}

// serverLog sends the server's log to ours. Its notices (banner, limits) are
// no news to users of an embedded queue.
type serverLog struct{ log *service.Logger }

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debugf("embedded queue: "+format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warnf("embedded queue: "+format, v...) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.log.Errorf("embedded queue: "+format, v...) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Errorf("embedded queue: "+format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Tracef("embedded queue: "+format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Tracef("embedded queue: "+format, v...) }
