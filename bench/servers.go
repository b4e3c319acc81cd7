package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
)

// servers is an arena of real servers.
type servers struct {
	bench    *bench
	workload workload
	from     *server
	// to is what a run has, and full what tools have filled before.
	to   []*server
	full map[string]filled
}

// filled is a destination that a tool has filled, and when that was done.
type filled struct {
	*server
	at time.Time
}

func (b *bench) openServers(ctx context.Context, w workload) (a *servers, err error) {
	a = &servers{bench: b, workload: w, full: map[string]filled{}}
	if a.from, err = a.start(ctx); err != nil {
		return nil, err
	}
	if err := w.seed(ctx, a.from, sourceBucket); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *servers) start(ctx context.Context) (*server, error) {
	return startServer(ctx, a.bench.server, a.bench.programs[a.bench.server], a.bench.data)
}

func (a *servers) source() string { return a.from.endpoint }

func (a *servers) enter(ctx context.Context, t tool) (addresses []string, leave func(), err error) {
	if a.workload.again {
		err := a.fill(ctx, t)
		return []string{a.full[t.name].endpoint}, func() {}, err
	}
	a.to = nil
	for range a.copies(t) {
		s, err := a.empty(ctx)
		if err != nil {
			a.leave()
			return nil, nil, err
		}
		a.to, addresses = append(a.to, s), append(addresses, s.endpoint)
	}
	return addresses, a.leave, nil
}

func (a *servers) leave() {
	for _, s := range a.to {
		s.stop()
	}
}

// copies is how many destinations the tool gets.
func (a *servers) copies(t tool) int {
	if t.copies > 0 {
		return t.copies
	}
	return a.workload.copies()
}

// empty starts a destination.
func (a *servers) empty(ctx context.Context) (*server, error) {
	s, err := a.start(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.client.MakeBucket(ctx, copyBucket, minio.MakeBucketOptions{}); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// fill has the tool fill a destination of its own, once: each finds what it
// would itself leave there.
func (a *servers) fill(ctx context.Context, t tool) (err error) {
	if _, ok := a.full[t.name]; ok {
		return nil
	}
	s, err := a.empty(ctx)
	if err != nil {
		return err
	}
	a.full[t.name] = filled{server: s}
	j, err := a.bench.job(t, a.source(), []string{s.endpoint})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.dir)) }()
	before := t.commands
	if t.before != nil {
		before = t.before
	}
	commands, err := before(j)
	if err != nil {
		return err
	}
	if _, err := measure(ctx, commands); err != nil {
		return fmt.Errorf("filling the destination: %w", err)
	}
	a.full[t.name] = filled{server: s, at: time.Now()}
	return a.workload.verify(ctx, s, copyBucket, time.Time{})
}

func (a *servers) verify(ctx context.Context, t tool, _ job) error {
	if a.workload.again {
		return a.workload.verify(ctx, a.full[t.name].server, copyBucket, a.full[t.name].at)
	}
	for _, s := range a.to {
		if err := a.workload.verify(ctx, s, copyBucket, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

func (a *servers) close() {
	a.from.stop()
	for _, s := range a.full {
		s.stop()
	}
}
