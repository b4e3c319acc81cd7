// Command bench measures ingest beside other tools and beside a bare loop of GETs and
// PUTs, and writes docs/benchmarks.md. It runs on Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var (
		b             bench
		wanted, names string
		rounds        int
		cache, ingest string
		document      string
	)
	flag.StringVar(&wanted, "workloads", "4k,256k,256m", "what to copy")
	flag.StringVar(&names, "tools", "floor,floor-md5,ingest,rclone-tuned,rclone,s5cmd,mc", "what copies; the first is what the others are compared with")
	flag.IntVar(&rounds, "rounds", 7, "how often each tool runs")
	flag.StringVar(&cache, "cache", "", "the folder of the pinned programs")
	flag.StringVar(&ingest, "ingest", "../bin/ingest", "the binary of ingest")
	flag.StringVar(&b.server, "server", "versitygw", "the servers: versitygw or minio")
	flag.StringVar(&b.data, "data", "/dev/shm", "the folder for the data of the servers")
	flag.StringVar(&b.results, "results", "../docs/benchmarks.jsonl", "the file to which each run is appended")
	flag.StringVar(&document, "report", "../docs/benchmarks.md", "the document that is written from all results")
	flag.BoolVar(&b.requests, "requests", false, "count requests too, in a further run of each tool")
	flag.StringVar(&b.profiles, "profiles", "", "a folder for CPU profiles of ingest")
	flag.Parse()

	chosen, err := choose(workloads, wanted, func(w workload) string { return w.name })
	if err != nil {
		return err
	}
	runners, err := choose(tools, names, func(t tool) string { return t.name })
	if err != nil {
		return err
	}
	if b.machine, err = thisMachine(); err != nil {
		return err
	}
	if b.data, err = os.MkdirTemp(b.data, "ingest-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.data)) }()
	if b.programs, err = programs(cache, b.data, ingest, b.server, runners); err != nil {
		return err
	}
	for _, w := range chosen {
		if err := b.run(ctx, w, runners, rounds); err != nil {
			return err
		}
	}
	results, err := readResults(b.results)
	if err != nil {
		return err
	}
	return report(document, results)
}

// choose returns those that the list names.
func choose[T any](all []T, list string, name func(T) string) (chosen []T, err error) {
	for want := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(one T) bool { return name(one) == want })
		if i < 0 {
			return nil, fmt.Errorf("there is no %q", want)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// programs returns the paths of all that is run, and builds what is missing.
func programs(cache, dir, ingest, server string, runners []tool) (paths map[string]string, err error) {
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return nil, err
		}
		cache = filepath.Join(cache, "ingest-tools")
	}
	paths = map[string]string{}
	if paths["ingest"], err = filepath.Abs(ingest); err != nil {
		return nil, err
	}
	if paths["floor"], err = buildFloor(dir); err != nil {
		return nil, err
	}
	needs := []string{server}
	for _, t := range runners {
		needs = append(needs, t.needs...)
	}
	for _, name := range needs {
		if paths[name] != "" {
			continue
		}
		if paths[name], err = install(cache, name); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
