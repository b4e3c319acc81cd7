package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// profiler fetches CPU profiles of ingest, one of a second after the other until it
// ends; `go tool pprof` adds up those that it is given.
type profiler struct {
	stopped atomic.Bool
	done    chan struct{}
}

func startProfiler(address, dir, name string) *profiler {
	p := &profiler{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for i := 0; !p.stopped.Load(); {
			body, err := fetchProfile(address)
			if err != nil {
				time.Sleep(poll)
				continue
			}
			path := filepath.Join(dir, fmt.Sprintf("%s-%03d.pprof", name, i))
			if err := os.WriteFile(path, body, 0o644); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			i++
		}
	}()
	return p
}

func (p *profiler) stop() {
	p.stopped.Store(true)
	<-p.done
}

func fetchProfile(address string) ([]byte, error) {
	resp, err := http.Get("http://" + address + "/debug/pprof/profile?seconds=1")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the profile was answered with %s", resp.Status)
	}
	return io.ReadAll(resp.Body)
}
