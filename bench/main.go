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
		page          string
		tiny          bool
		soak          string
	)
	flag.StringVar(&wanted, "workloads", list(workloads, workloadName), "what to do")
	flag.StringVar(&names, "tools", list(tools, toolName), "who does it, as far as it can")
	flag.IntVar(&rounds, "rounds", 7, "how often each tool runs; with 0 only the report is written")
	flag.BoolVar(&tiny, "tiny", false, "do a hundredth, to try things out; needs -results and -report")
	flag.StringVar(&b.cache, "cache", "", "the folder of the pinned programs")
	flag.StringVar(&b.ingest, "ingest", "../bin/ingest", "the binary of ingest")
	flag.StringVar(&b.server, "server", "versitygw", "the servers: versitygw or minio")
	flag.StringVar(&b.data, "data", "/dev/shm", "the folder for the data of the servers")
	flag.StringVar(&b.results, "results", results, "the file to which each run is appended")
	flag.StringVar(&page, "report", document, "the document that is written from all results")
	flag.BoolVar(&b.requests, "requests", false, "count requests too, in a further run of each tool")
	flag.StringVar(&b.profiles, "profiles", "", "a folder for CPU profiles of ingest")
	flag.StringVar(&soak, "soak", "", "only draw the samples of a soak, from this file")
	flag.Parse()
	if soak != "" {
		return drawSoak(soak)
	}

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
	if rounds > 0 {
		if err := b.runAll(ctx, chosen, runners, rounds); err != nil {
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
