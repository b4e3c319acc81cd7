// Command bench measures ingest beside other tools and beside a bare loop of GETs and
// PUTs, and writes docs/benchmarks.md. It runs on Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
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

const (
	results  = "../docs/benchmarks.jsonl"
	document = "../docs/benchmarks.md"
)

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var (
		b             bench
		wanted, names string
		rounds        int
		cache, ingest string
		page          string
		tiny          bool
	)
	flag.StringVar(&wanted, "workloads", list(workloads, workloadName), "what to do")
	flag.StringVar(&names, "tools", list(tools, toolName), "who does it, as far as it can")
	flag.IntVar(&rounds, "rounds", 7, "how often each tool runs")
	flag.BoolVar(&tiny, "tiny", false, "do a hundredth, to try things out; needs -results and -report")
	flag.StringVar(&cache, "cache", "", "the folder of the pinned programs")
	flag.StringVar(&ingest, "ingest", "../bin/ingest", "the binary of ingest")
	flag.StringVar(&b.server, "server", "versitygw", "the servers: versitygw or minio")
	flag.StringVar(&b.data, "data", "/dev/shm", "the folder for the data of the servers")
	flag.StringVar(&b.results, "results", results, "the file to which each run is appended")
	flag.StringVar(&page, "report", document, "the document that is written from all results")
	flag.BoolVar(&b.requests, "requests", false, "count requests too, in a further run of each tool")
	flag.StringVar(&b.profiles, "profiles", "", "a folder for CPU profiles of ingest")
	flag.Parse()

	all := workloads
	if tiny {
		if b.results == results || page == document {
			return errors.New("-tiny needs -results and -report of its own")
		}
		all = shrink(all)
	}
	chosen, err := choose(all, wanted, workloadName)
	if err != nil {
		return err
	}
	runners, err := choose(tools, names, toolName)
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
	if b.programs, err = programs(cache, b.data, ingest, b.server, needed(chosen, runners)); err != nil {
		return err
	}
	if b.version, err = version(ctx, b.programs["ingest"]); err != nil {
		return err
	}
	for _, w := range chosen {
		if err := b.run(ctx, w, w.runners(runners), rounds); err != nil {
			return err
		}
	}
	lines, err := readResults(b.results)
	if err != nil {
		return err
	}
	return report(page, all, lines)
}

func workloadName(w workload) string { return w.name }

func toolName(t tool) string { return t.name }

// list returns what choose takes for all.
func list[T any](all []T, name func(T) string) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return strings.Join(names, ",")
}

// needed returns the programs that the tools need for the workloads.
func needed(chosen []workload, runners []tool) (names []string) {
	for _, w := range chosen {
		for _, t := range w.runners(runners) {
			names = append(names, t.needs)
		}
	}
	return names
}

// version returns what a binary of ingest says that it is.
func version(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", program, err)
	}
	return strings.TrimSpace(string(out)), nil
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
func programs(cache, dir, ingest, server string, names []string) (paths map[string]string, err error) {
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
	for _, name := range append(names, server) {
		if paths[name] != "" {
			continue
		}
		if paths[name], err = install(cache, name); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
