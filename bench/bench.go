package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// bench runs tools on workloads.
type bench struct {
	server string
	// cache is the folder of the pinned programs, and ingest the binary.
	cache, ingest string
	programs      map[string]string
	// version is that of ingest.
	version string
	// data is the folder for the data of the servers, best in memory.
	data     string
	results  string
	requests bool
	profiles string
	machine  machine
}

// arena is where a workload is done.
type arena interface {
	// source is the address of the source.
	source() string
	// enter returns the addresses of the destinations for a run of a tool, and what is
	// to be called after it.
	enter(context.Context, tool) (destinations []string, leave func(), err error)
	// verify fails if the tool has not done what it should have.
	verify(context.Context, tool, job) error
	close()
}

func (b *bench) open(ctx context.Context, w workload) (arena, error) {
	if w.listed {
		return openListing(w)
	}
	return b.openServers(ctx, w)
}

// runAll runs the tools on those of the workloads that they do.
func (b *bench) runAll(ctx context.Context, workloads []workload, tools []tool, rounds int) (err error) {
	if b.machine, err = thisMachine(); err != nil {
		return err
	}
	if b.data, err = os.MkdirTemp(b.data, "ingest-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.data)) }()
	if b.programs, err = programs(b.cache, b.data, b.ingest, append(needed(workloads, tools), b.server)...); err != nil {
		return err
	}
	if b.version, err = version(ctx, b.programs["ingest"]); err != nil {
		return err
	}
	for _, w := range workloads {
		if err := b.run(ctx, w, w.runners(tools), rounds); err != nil {
			return err
		}
	}
	return nil
}

// run does the rounds of a workload. In each the tools run one after the other, in an
// order that moves on by one from round to round.
func (b *bench) run(ctx context.Context, w workload, tools []tool, rounds int) error {
	if len(tools) == 0 {
		return nil
	}
	room, err := free(b.data)
	if err != nil {
		return err
	}
	if needed := w.room(); room < needed {
		return fmt.Errorf("%s: %d MiB are needed in %s, and %d are free", w.name, needed>>20, b.data, room>>20)
	}
	a, err := b.open(ctx, w)
	if err != nil {
		return err
	}
	defer a.close()
	for round := range rounds {
		stamp := time.Now().UTC().Format(time.RFC3339)
		for i := range tools {
			t := tools[(i+round)%len(tools)]
			r := result{Round: stamp, Version: b.version, Server: b.server, Workload: w.name, Tool: t.name, Machine: b.machine}
			var passed *gates
			if r.usage, passed, err = b.once(ctx, w, t, a, false); err != nil {
				return fmt.Errorf("%s, %s: %w", w.name, t.name, err)
			}
			r.Sent = passed.source.sent
			if b.requests && round == 0 {
				if _, passed, err = b.once(ctx, w, t, a, true); err != nil {
					return fmt.Errorf("%s, %s, counting requests: %w", w.name, t.name, err)
				}
				r.Requests = passed.requests()
			}
			fmt.Printf("%-9s round %d of %d  %-13s %7.2f s  CPU %6.2f s  %4d MiB  %v\n",
				w.name, round+1, rounds, t.name, r.Wall, r.CPU, r.RSS>>20, r.Requests)
			if err := appendResult(b.results, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// once has a tool do the workload, measures it, and verifies what it did.
func (b *bench) once(ctx context.Context, w workload, t tool, a arena, count bool) (u usage, passed *gates, err error) {
	destinations, leave, err := a.enter(ctx, t)
	if err != nil {
		return u, nil, err
	}
	defer leave()
	j, err := b.job(t, a.source(), destinations)
	if err != nil {
		return u, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.dir)) }()
	passed, err = openGates(&j, w.sourceRate, count)
	if err != nil {
		return u, nil, err
	}
	defer passed.close()
	if b.profiles != "" && t.isIngest() && !count {
		if j.debug, err = freeAddress(); err != nil {
			return u, nil, err
		}
		p := startProfiler(j.debug, b.profiles, w.name+"-"+t.name)
		defer p.stop()
	}
	commands, err := t.commands(j)
	if err != nil {
		return u, nil, err
	}
	if u, err = measure(ctx, commands); err != nil {
		return u, nil, err
	}
	return u, passed, a.verify(ctx, t, j)
}

// job is a job for the tool, with a folder that the caller removes.
func (b *bench) job(t tool, source string, destinations []string) (j job, err error) {
	j = job{programs: b.programs, source: source, destinations: destinations}
	j.dir, err = os.MkdirTemp(b.data, t.name+"-")
	return j, err
}
