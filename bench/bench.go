package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
)

// bench runs tools on workloads.
type bench struct {
	server   string
	programs map[string]string
	// data is the folder for the data of the servers, best in memory.
	data     string
	results  string
	requests bool
	profiles string
	machine  machine
}

// run does the rounds of a workload. In each the tools run one after the other, in an
// order that moves on by one from round to round.
func (b *bench) run(ctx context.Context, w workload, tools []tool, rounds int) (err error) {
	room, err := free(b.data)
	if err != nil {
		return err
	}
	// At the source, at the destination, and in the folder of who has one between.
	if needed := 3 * w.bytes(); room < needed {
		return fmt.Errorf("%s: %d MiB are needed in %s, and %d are free", w.name, needed>>20, b.data, room>>20)
	}
	source, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer source.stop()
	if err := w.seed(ctx, source, sourceBucket); err != nil {
		return err
	}
	for round := range rounds {
		stamp := time.Now().UTC().Format(time.RFC3339)
		for i := range tools {
			t := tools[(i+round)%len(tools)]
			r := result{Round: stamp, Server: b.server, Workload: w.name, Tool: t.name, Machine: b.machine}
			if r.usage, _, err = b.copy(ctx, w, t, source, false); err != nil {
				return fmt.Errorf("%s, %s: %w", w.name, t.name, err)
			}
			if b.requests && round == 0 {
				if _, r.Requests, err = b.copy(ctx, w, t, source, true); err != nil {
					return fmt.Errorf("%s, %s, counting requests: %w", w.name, t.name, err)
				}
			}
			fmt.Printf("%-5s round %d of %d  %-13s %7.2f s  CPU %6.2f s  %4d MiB  %v\n",
				w.name, round+1, rounds, t.name, r.Wall, r.CPU, r.RSS>>20, r.Requests)
			if err := appendResult(b.results, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) start(ctx context.Context) (*server, error) {
	return startServer(ctx, b.server, b.programs[b.server], b.data)
}

// copy runs a tool once into an empty destination, and verifies what it did.
func (b *bench) copy(ctx context.Context, w workload, t tool, source *server, count bool) (u usage, requests map[string]map[string]int, err error) {
	destination, err := b.start(ctx)
	if err != nil {
		return u, nil, err
	}
	defer destination.stop()
	if err := destination.client.MakeBucket(ctx, copyBucket, minio.MakeBucketOptions{}); err != nil {
		return u, nil, err
	}
	j := job{programs: b.programs, source: source.endpoint, destination: destination.endpoint}
	if j.dir, err = os.MkdirTemp(b.data, t.name+"-"); err != nil {
		return u, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.dir)) }()
	if count {
		var stop func()
		if requests, stop, err = j.countRequests(); err != nil {
			return u, nil, err
		}
		defer stop()
	}
	if b.profiles != "" && t.name == "ingest" && !count {
		if j.debug, err = freeAddress(); err != nil {
			return u, nil, err
		}
		p := startProfiler(j.debug, b.profiles, w.name)
		defer p.stop()
	}
	commands, err := t.commands(j)
	if err != nil {
		return u, nil, err
	}
	if u, err = measure(ctx, commands); err != nil {
		return u, nil, err
	}
	return u, requests, w.verify(ctx, destination, copyBucket)
}
