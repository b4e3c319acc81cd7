// Package demo shows the main job on a machine that has nothing but the binary.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/ingest-bundle/ingest/config/examples"
)

const (
	sourceBucket      = "source"
	destinationBucket = "copy"

	// stopTimeout is how long the pipelines may take to stop when they are
	// told to: a little more than shutdown_timeout.
	stopTimeout = 70 * time.Second
)

// Options say how the demo is run.
type Options struct {
	// Executable is the path of the ingest binary.
	Executable string
	// Command is how a user calls the binary.
	Command string
	// Out is what the demo prints on; progress goes to os.Stderr.
	Out io.Writer
	// Keep leaves the servers up until the context ends.
	Keep bool
}

// Run starts two S3 servers in memory, stores objects in one, moves them to the
// other with the pipelines of config/examples/single-process in a process of
// their own, and compares every copy by its SHA-256. It fails if one is missing
// or differs. What it makes is gone when it returns.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "ingest-demo-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pipelines, err := writePipelines(dir)
	if err != nil {
		return err
	}
	source, err := startServer(ctx, sourceBucket)
	if err != nil {
		return fmt.Errorf("starting the source: %w", err)
	}
	defer source.stop()
	destination, err := startServer(ctx, destinationBucket)
	if err != nil {
		return fmt.Errorf("starting the destination: %w", err)
	}
	defer destination.stop()
	objects := sampleObjects()
	total, err := seed(ctx, source, objects)
	if err != nil {
		return err
	}
	source.damageDownloads(flakyKey, flakyFailures)

	p := printer{o.Out}
	p.printf("Source       %s/%s  %d objects, %s (an S3 server in memory)\n", source.url(), source.bucket, len(objects), humanize.IBytes(uint64(total)))
	p.printf("Destination  %s/%s  empty (another one)\n", destination.url(), destination.bucket)
	p.printf("Queue        NATS JetStream, embedded, in a folder\n")
	p.printf("On purpose   the first %d downloads of %s are damaged on the way\n\n", flakyFailures, flakyKey)
	printPipelines(p, pipelines)
	p.printf("$ %s streams --progress --until-done enqueue.yaml dequeue.yaml\n", o.Command)

	env := environment(source, destination, filepath.Join(dir, "queue"))
	if err := runPipelines(ctx, o.Executable, pipelines, env); err != nil {
		return err
	}
	p.printf("\n")
	differ, err := report(ctx, o.Out, source, destination, objects)
	if err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d copies are missing or differ", differ, len(objects))
	}
	p.printf("\nAll %d objects are verified: each copy has the SHA-256 of its source.\n", len(objects))
	p.printf("%s was tried %d times: what fails is tried again, and nothing is lost.\n", flakyKey, source.downloadsOf(flakyKey))
	printNext(p, o.Command)
	if o.Keep {
		keep(ctx, p, o.Command, env, pipelines)
	}
	return nil
}

type pipeline struct{ name, path, text string }

// writePipelines puts the example's pipelines into a folder, in the order in
// which they are explained.
func writePipelines(dir string) ([]pipeline, error) {
	var all []pipeline
	for _, name := range []string{"enqueue.yaml", "dequeue.yaml"} {
		text, err := fs.ReadFile(examples.SingleProcess, "single-process/"+name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
		all = append(all, pipeline{name, path, string(text)})
	}
	return all, nil
}

func environment(source, destination *server, queue string) []string {
	return []string{
		"SRC_ENDPOINT=" + source.address,
		"SRC_INSECURE=true",
		"SRC_BUCKET=" + source.bucket,
		"SRC_ACCESS_KEY_ID=" + accessKey,
		"SRC_SECRET_ACCESS_KEY=" + secretKey,
		"DST_ENDPOINT=" + destination.address,
		"DST_INSECURE=true",
		"DST_BUCKET=" + destination.bucket,
		"DST_ACCESS_KEY_ID=" + accessKey,
		"DST_SECRET_ACCESS_KEY=" + secretKey,
		"QUEUE_DIR=" + queue,
		"CLEAN_UP=false",
	}
}

// runPipelines runs both pipelines in one process until all is done. Their log is
// shown only if they fail.
func runPipelines(ctx context.Context, executable string, pipelines []pipeline, env []string) error {
	// The demo needs no HTTP endpoints, and their port may be taken.
	args := []string{"streams", "--progress", "--until-done", "--no-api", "--set", "http.enabled=false"}
	for _, p := range pipelines {
		args = append(args, p.path)
	}
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, executable, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &log, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the pipelines: %w\ntheir log:\n%s", err, log.String())
	}
	return nil
}

type printer struct{ out io.Writer }

func (p printer) printf(format string, args ...any) {
	fmt.Fprintf(p.out, format, args...) //nolint:errcheck // a closed terminal stops nothing
}

func printPipelines(p printer, pipelines []pipeline) {
	for _, pl := range pipelines {
		p.printf("── %s\n", pl.name)
		for line := range strings.Lines(pl.text) {
			if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "#") && line != "" {
				p.printf("   %s\n", line)
			}
		}
		p.printf("\n")
	}
}

func printNext(p printer, command string) {
	p.printf(`
On your own buckets, with the same two pipelines, which are in config/examples/single-process:

  export SRC_ENDPOINT=s3.example.com SRC_BUCKET=… SRC_ACCESS_KEY_ID=… SRC_SECRET_ACCESS_KEY=…
  export DST_ENDPOINT=localhost:9000 DST_BUCKET=… DST_ACCESS_KEY_ID=… DST_SECRET_ACCESS_KEY=…
  export DST_INSECURE=true    # only where the server speaks plain HTTP; SRC_INSECURE likewise
  %[1]s check config/examples/single-process    # changes nothing
  %[1]s streams --progress --until-done config/examples/single-process/*.yaml
`, command)
}

// keep leaves the servers up.
func keep(ctx context.Context, p printer, command string, env []string, pipelines []pipeline) {
	p.printf("\nThe servers stay up until Ctrl-C. To run the pipelines on them again, in another terminal:\n\n")
	for _, e := range env {
		p.printf("  export %s\n", e)
	}
	p.printf("  %s streams --progress --until-done", command)
	for _, pl := range pipelines {
		p.printf(" %s", pl.path)
	}
	p.printf("\n")
	<-ctx.Done()
}
