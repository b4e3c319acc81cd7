package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
	"github.com/ingest-bundle/ingest/systems/plugin"
	"github.com/ingest-bundle/ingest/workflow"
)

const (
	flagMode            = "mode"
	flagConfig          = "config"
	flagPlugins         = "plugins"
	flagQueueEndpoint   = "queue-endpoint"
	flagStoreFolder     = "store-dir"
	flagQueueStream     = "stream"
	flagStreamReplicas  = "stream-replicas"
	flagQueueSubject    = "subject"
	flagQueueConsumer   = "consumer"
	flagMaxMsgs         = "max-msgs"
	flagStrictWorkflows = "strict-workflows"

	defaultQueueEndpoint = "nats://localhost:4222"
)

// inConfigDir returns the path of what the original looks for in the home folder.
func inConfigDir(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		// Whoever has no home folder names the path.
		return name
	}
	return filepath.Join(home, ".config", "ingest", name)
}

// workflowFlags say how a file of workflows becomes pipelines.
func workflowFlags(mode string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagMode, Value: mode, Usage: "`MODE`: enqueue scans the sources, dequeue moves what is queued, all does both in one process"},
		&cli.StringSliceFlag{Name: flagPlugins, Value: cli.NewStringSlice(inConfigDir("plugins")), Usage: "`FOLDERS` in which plugins are looked for, in this order; the first match is taken"},
		&cli.StringFlag{Name: flagQueueEndpoint, Usage: "`URL` of the NATS server (default: " + defaultQueueEndpoint + "; with --mode=all, the queue is in this process)"},
		&cli.StringFlag{Name: flagStoreFolder, Value: queue.DefaultStoreDir, Usage: "`FOLDER` of the queue where it is in this process"},
		&cli.StringFlag{Name: flagQueueStream, Value: queue.DefaultStream, Usage: "`NAME` of the stream"},
		&cli.Int64Flag{Name: flagStreamReplicas, Value: 1, Usage: "`NUMBER` of servers that keep the stream"},
		&cli.StringFlag{Name: flagQueueSubject, Value: "ingest", Usage: "what `SUBJECT`s begin with: <subject>.<workflow>"},
		&cli.StringFlag{Name: flagQueueConsumer, Value: "ingest", Usage: "what names of consumers begin with: `PREFIX`__<workflow>"},
		&cli.Int64Flag{Name: flagMaxMsgs, Usage: "`NUMBER` of messages at which the stream is full and scans wait; 0 is no limit"},
		&cli.BoolFlag{Name: flagStrictWorkflows, Value: true, Usage: "fail if anything in the file is wrong; with =false, workflows that cannot be run are skipped and counted"},
		&cli.StringSliceFlag{Name: flagEnvFile, Aliases: []string{"e"}, Usage: "import environment variables from a dotenv `FILE`"},
	}
}

func modeOf(c *cli.Context) (workflow.Mode, error) {
	switch mode := workflow.Mode(c.String(flagMode)); mode {
	case workflow.Enqueue, workflow.Dequeue, workflow.All:
		return mode, nil
	default:
		return "", fmt.Errorf("unsupported mode %q: enqueue, dequeue or all was expected", mode)
	}
}

func queueOf(c *cli.Context, mode workflow.Mode) workflow.Queue {
	q := workflow.Queue{
		Endpoint: c.String(flagQueueEndpoint),
		StoreDir: c.String(flagStoreFolder),
		Stream:   c.String(flagQueueStream),
		MaxMsgs:  c.Int64(flagMaxMsgs),
		Subject:  c.String(flagQueueSubject),
		Consumer: c.String(flagQueueConsumer),
	}
	if q.Endpoint == "" && mode != workflow.All {
		q.Endpoint = defaultQueueEndpoint
	}
	if c.IsSet(flagStreamReplicas) {
		q.Replicas = c.Int64(flagStreamReplicas)
	}
	return q
}

// loadWorkflows parses a file. What is wrong in it is an error, or else a warning
// for each workflow that is skipped.
func loadWorkflows(c *cli.Context, path string, allowUnset bool) (*workflow.File, error) {
	if err := importEnv(c.StringSlice(flagEnvFile)); err != nil {
		return nil, err
	}
	text, err := readConfig(path)
	if err != nil {
		return nil, fmt.Errorf("reading the workflow file: %w", err)
	}
	plugin.SetFolders(c.StringSlice(flagPlugins)...)
	file, err := workflow.Parse(text, workflow.Options{AllowUnset: allowUnset, Plugins: c.StringSlice(flagPlugins)})
	if err == nil {
		return file, nil
	}
	err = inFile(path, err)
	if c.Bool(flagStrictWorkflows) || file == nil {
		return nil, err
	}
	fmt.Fprintln(c.App.ErrWriter, err) //nolint:errcheck // a closed terminal is no failure
	for _, name := range file.Skipped {
		fmt.Fprintf(c.App.ErrWriter, "%s: workflow %s is skipped\n", path, name) //nolint:errcheck // a closed terminal is no failure
	}
	return file, nil
}

// inFile names the file in every problem.
func inFile(path string, err error) error {
	var problems workflow.Problems
	if !errors.As(err, &problems) {
		return err
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("%s: %w", path, p))
	}
	return errors.Join(errs...)
}
