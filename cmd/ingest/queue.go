package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
)

// queueCommand works on work queues.
func queueCommand() *cli.Command {
	return &cli.Command{
		Name:  "queue",
		Usage: "Look at work queues, put dead letters back, purge and migrate",
		Description: `
Every command takes the CONFIG of a pipeline that has an ingest_queue input or
output, and works on its queue; environment variables are expanded. Where a
configuration names several queues, --subject and --stream choose one. Without
a configuration, --url (or NATS_URL) and --subject name a queue, or --store-dir
and --subject an embedded one. An embedded queue belongs to the process that
runs it: stop that first.

  ingest queue ls --url nats://localhost:4222
  ingest queue info ./dequeue.yaml
  ingest queue info --url nats://localhost:4222 --subject ingest.foo_1-bar_1
  ingest queue dead ls ./dequeue.yaml
  ingest queue dead requeue ./dequeue.yaml --all`[1:],
		Subcommands: []*cli.Command{
			queueCreateCommand(),
			queueListCommand(),
			queueInfoCommand(),
			queuePeekCommand(),
			queueDeadCommand(),
			queuePurgeCommand(),
			queueMigrateCommand(),
		},
	}
}

// attach opens a queue that exists.
func attach(ctx context.Context, cfg queue.Config) (*queue.Queue, error) {
	q, err := queue.Attach(ctx, cfg, nil)
	if errors.Is(err, queue.ErrNotFound) {
		err = fmt.Errorf("%w (%s); `ingest queue ls` lists the queues there, `ingest queue create` makes one", err, cfg.Server)
	}
	return q, err
}

// queueAction is a command on an open queue, with the arguments behind CONFIG.
type queueAction func(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error

// withQueue opens the queue that the command line names.
func withQueue(act queueAction) cli.ActionFunc {
	return withTarget(func(ctx context.Context, c *cli.Context, target pipelineQueue, args []string) error {
		q, err := attach(ctx, target.Config)
		if err != nil {
			return err
		}
		defer q.Close() //nolint:errcheck // the command is over
		return act(ctx, c, q, args)
	})
}

// withTarget finds out which queue is meant.
func withTarget(act func(ctx context.Context, c *cli.Context, target pipelineQueue, args []string) error) cli.ActionFunc {
	return withArguments(func(ctx context.Context, c *cli.Context, args []string) error {
		target, rest, err := chosenQueue(c, args)
		if err != nil {
			return err
		}
		return act(ctx, c, target, rest)
	})
}

// withArguments is beneath every command: a signal ends the work in good order.
func withArguments(act func(ctx context.Context, c *cli.Context, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := importEnv(c.StringSlice(flagEnvFile)); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return act(ctx, c, c.Args().Slice())
	}
}

// nothingMore fails if arguments are left that the command does not know.
func nothingMore(c *cli.Context, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q was not expected: %s %s", args[0], c.Command.HelpName, c.Command.ArgsUsage)
	}
	return nil
}

func queueCreateCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "Create the stream and, for a pipeline that takes from it, the consumer and the stream of dead letters",
		ArgsUsage: "[CONFIG]",
		Flags:     queueFlags(),
		Description: `
What a pipeline makes when it starts, ahead of its first run: for stock
components, which need it, or with other permissions than the pipeline has. What
exists is left as it is, but for limits that the configuration sets.

  ingest queue create ./dequeue.yaml
  ingest queue create --url nats://localhost:4222 --subject ingest.foo_1-bar_1`[1:],
		Action: withTarget(createQueue),
	}
}

func createQueue(ctx context.Context, c *cli.Context, target pipelineQueue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	q, err := queue.Open(ctx, target.Config, nil)
	if err != nil {
		return err
	}
	defer q.Close() //nolint:errcheck // the command is over
	what := "Stream"
	if target.consumes {
		sub, err := q.Subscribe(ctx)
		if err != nil {
			return err
		}
		if err := sub.Close(ctx); err != nil {
			return err
		}
		what = "Stream, consumer and stream of dead letters"
	}
	return printf(c, "%s of %s are ready: %s\n", what, target.Subject, target.Server)
}
