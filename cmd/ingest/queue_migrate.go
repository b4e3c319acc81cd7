package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
)

const (
	flagFromStream   = "from-stream"
	flagFromSubject  = "from-subject"
	flagFromConsumer = "from-consumer"
	flagFromURL      = "from-url"
	flagDryRun       = "dry-run"
)

func queueMigrateCommand() *cli.Command {
	return &cli.Command{
		Name:      "migrate",
		Usage:     "Move what is pending in a queue of the original ingest into this one",
		ArgsUsage: "[CONFIG]",
		Flags: append(queueFlags(),
			&cli.StringFlag{Name: flagFromStream, Usage: "`NAME` of the original's stream, its --stream", Value: queue.DefaultStream},
			&cli.StringFlag{Name: flagFromSubject, Usage: "`SUBJECT` of the workflow there, its --subject and the workflow's name (default: the queue's)"},
			&cli.StringFlag{Name: flagFromConsumer, Usage: "`NAME` of the consumer there, its --consumer, two underscores and the workflow's name (default: all of the subject)"},
			&cli.StringSliceFlag{Name: flagFromURL, Usage: "`URL` of the NATS server there, with the same authentication (default: the queue's)"},
			&cli.BoolFlag{Name: flagDryRun, Usage: "only count"},
			jsonFlag("print the result as one JSON object")),
		Description: `
The original keeps messages in a stream with interest retention, under one subject
for a workflow, for a durable consumer. This moves every message that the consumer
has not acknowledged into the work queue of CONFIG, and makes that if need be. A
message is acknowledged there once it is here; one for an element that is queued
already adds nothing. So it can be stopped at any time, and run again. The old
stream and its consumer stay.

Stop the original first, its enqueuers and its dequeuers. What a dequeuer held is
waited for until its ack wait is over. A message that is no element stays where it
is, is reported, and makes the command fail.

The new queue must have another stream than the original: its default is called
ingest, too. Set another name in the field stream of both pipelines.

  ingest queue migrate ./dequeue.yaml --from-stream ingest --dry-run
  ingest queue migrate ./dequeue.yaml --from-stream ingest --from-subject ingest.foo_1-bar_1`[1:],
		Action: withTarget(migrateQueue),
	}
}

func migrateQueue(ctx context.Context, c *cli.Context, target pipelineQueue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	server, stream, subject := target.Server, c.String(flagFromStream), c.String(flagFromSubject)
	if c.IsSet(flagFromURL) {
		server.URLs = c.StringSlice(flagFromURL)
	}
	if subject == "" {
		subject = target.Subject
	}
	if stream == target.Stream && server.String() == target.Server.String() {
		return fmt.Errorf("stream %s is the original's, and cannot become a work queue: its retention is another. Set the field stream of both pipelines to another name, and migrate to that", stream)
	}
	from, err := queue.OpenOriginal(ctx, server, stream, subject, c.String(flagFromConsumer))
	if err != nil {
		return err
	}
	defer from.Close()
	if from.InUse() {
		fmt.Fprintf(c.App.ErrWriter, "Warning: workers still take from stream %s: stop the original, which drops what fails\n", stream) //nolint:errcheck // a closed terminal is no failure
	}
	if c.Bool(flagDryRun) {
		return printWaiting(c, from)
	}
	q, err := queue.Open(ctx, target.Config, nil)
	if err != nil {
		return err
	}
	defer q.Close() //nolint:errcheck // the command is over
	moved, err := from.MoveTo(ctx, q, everySecond(func(m queue.Moved) {
		fmt.Fprintf(c.App.ErrWriter, "moved %d, left %d\n", m.Queued+m.AlreadyQueued, m.Left) //nolint:errcheck // a closed terminal is no failure
	}))
	return errors.Join(err, printMoved(c, moved, err == nil), unreadable(moved))
}

func printWaiting(c *cli.Context, from *queue.Original) error {
	pending, unacknowledged := from.Waiting()
	if c.Bool(flagJSON) {
		return printJSON(c, map[string]any{"pending": pending, "unacknowledged": unacknowledged})
	}
	return printf(c, "%d messages would be moved: %d pending, %d handed out and not acknowledged\n", pending+uint64(unacknowledged), pending, unacknowledged)
}

func printMoved(c *cli.Context, m queue.Moved, whole bool) error {
	if c.Bool(flagJSON) {
		return printJSON(c, m)
	}
	state := "Everything is moved"
	if !whole {
		state = "Stopped; run it again to move the rest"
	}
	return printf(c, "%s: %d messages put into the queue, %d of elements that were in it.\n", state, m.Queued, m.AlreadyQueued)
}

// unreadable reports the messages that stay.
func unreadable(m queue.Moved) error {
	var errs []error
	for _, u := range m.Unreadable {
		errs = append(errs, fmt.Errorf("message %d stays in the old stream: %s", u.Sequence, u.Error))
	}
	return errors.Join(errs...)
}

// everySecond calls report at most so often.
func everySecond(report func(queue.Moved)) func(queue.Moved) {
	last := time.Now()
	return func(m queue.Moved) {
		if time.Since(last) >= time.Second {
			last = time.Now()
			report(m)
		}
	}
}
