package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
)

const jsonLines = "print one JSON object a line"

func queueListCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "List the queues of a server",
		ArgsUsage: "[CONFIG]",
		Flags:     append(serverFlags(), jsonFlag(jsonLines)),
		Description: `
Lists the streams of the server that hold queues, with their consumers: one for
each workflow. Messages that are pending were never handed out; those in flight
are held by a worker or wait for their next attempt.

  ingest queue ls --url nats://localhost:4222
  ingest queue ls ./dequeue.yaml --json`[1:],
		Action: withArguments(listQueues),
	}
}

func listQueues(ctx context.Context, c *cli.Context, args []string) error {
	server, rest, err := chosenServer(c, args)
	if err != nil {
		return err
	}
	if err := nothingMore(c, rest); err != nil {
		return err
	}
	streams, err := queue.List(ctx, server)
	if err != nil {
		return err
	}
	if c.Bool(flagJSON) {
		enc := jsonWriter(c)
		for _, s := range streams {
			if err := enc.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	if len(streams) == 0 {
		return printf(c, "%s has no queue\n", server)
	}
	t := newTable(c, "STREAM", "MESSAGES", "BYTES", "OLDEST", "DEAD", "SUBJECT", "CONSUMER", "PENDING", "IN FLIGHT")
	for _, s := range streams {
		cells := []any{s.Name, s.Messages, humanize.IBytes(s.Bytes), age(s.Oldest), s.DeadLetters}
		for _, workflow := range workflowCells(s) {
			t.row(append(cells, workflow...)...)
			cells = []any{"", "", "", "", ""}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range streams {
		if err := printWarnings(c, s.Warnings); err != nil {
			return err
		}
	}
	return nil
}

// workflowCells describes the consumers of a stream, and the subjects without one.
func workflowCells(s queue.StreamInfo) (rows [][]any) {
	for _, consumer := range s.Consumers {
		rows = append(rows, []any{consumer.Subject, consumer.Name, consumer.Pending, consumer.InFlight})
	}
	for _, subject := range s.Subjects {
		subject = strings.TrimSuffix(subject, ".>")
		if !slices.ContainsFunc(s.Consumers, func(c queue.ConsumerInfo) bool { return strings.HasPrefix(c.Subject+".", subject+".") }) {
			rows = append(rows, []any{subject, "(none)", "", ""})
		}
	}
	return rows
}

func queueInfoCommand() *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "Describe a queue, and warn of what is unsafe",
		ArgsUsage: "[CONFIG]",
		Flags:     append(queueFlags(), jsonFlag("print one JSON object; durations are in nanoseconds")),
		Description: `
Prints how the stream and the consumer of a workflow are set, how much there is
to do, and warnings of settings that could lose objects or stop the work.

  ingest queue info ./dequeue.yaml
  ingest queue info ./dequeue.yaml --json | jq .messages
  ingest queue info --url nats://localhost:4222 --subject ingest.foo_1-bar_1`[1:],
		Action: withQueue(describeQueue),
	}
}

func describeQueue(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	info, err := q.Info(ctx)
	if err != nil {
		return err
	}
	if c.Bool(flagJSON) {
		return printJSON(c, info)
	}
	s := info.Stream
	t := newTable(c)
	t.row("Subject", info.Subject)
	t.row("Messages", info.Messages)
	if consumer := info.Consumer; consumer != nil {
		t.row("  pending", consumer.Pending)
		t.row("  in flight", fmt.Sprintf("%d (held by a worker, or waiting for the next attempt), %d of them again", consumer.InFlight, consumer.Redelivered))
	}
	t.row("Oldest", age(info.Oldest))
	t.row("Dead letters", info.DeadLetters)
	if consumer := info.Consumer; consumer != nil {
		t.row("Consumer", consumer.Name)
		t.row("  ack_wait", consumer.AckWait)
		t.row("  max_ack_pending", consumer.MaxAckPending)
		t.row("  idle workers' pulls", consumer.Pulls)
	}
	t.row("Stream", s.Name)
	t.row("  subjects", strings.Join(s.Subjects, ", "))
	t.row("  created", s.Created.Local().Format(time.DateTime))
	t.row("  kept in", fmt.Sprintf("%s, %d replicas", s.Storage, s.Replicas))
	t.row("  max_msgs", limit(s.MaxMsgs))
	t.row("  max_bytes", limit(s.MaxBytes))
	t.row("  messages", fmt.Sprintf("%d, %s, for all workflows", s.Messages, humanize.IBytes(s.Bytes)))
	if err := t.Flush(); err != nil {
		return err
	}
	return printWarnings(c, info.Warnings)
}

func limit(n int64) string {
	if n < 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

func queuePeekCommand() *cli.Command {
	return &cli.Command{
		Name:      "peek",
		Usage:     "Show the oldest messages without taking them",
		ArgsUsage: "[CONFIG]",
		Flags: append(queueFlags(),
			&cli.IntFlag{Name: "n", Value: 10, Usage: "how many `MESSAGES`"},
			jsonFlag(jsonLines+", with the whole message")),
		Description: `
Prints the oldest messages of a queue, the next ones to be handed out among them.
Nothing is consumed, and workers do not notice.

  ingest queue peek ./dequeue.yaml
  ingest queue peek ./dequeue.yaml -n 1000 --json | jq -r .id`[1:],
		Action: withQueue(peekQueue),
	}
}

func peekQueue(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	if c.Int("n") < 1 {
		return fmt.Errorf("-n is %d, but at least 1 was expected", c.Int("n"))
	}
	if c.Bool(flagJSON) {
		enc := jsonWriter(c)
		return q.Peek(ctx, c.Int("n"), func(m *queue.Message) error { return enc.Encode(m) })
	}
	t := newTable(c, "SEQUENCE", "STATE", "FAILED", "QUEUED", "ID", "NAME", "HEADERS")
	err := q.Peek(ctx, c.Int("n"), func(m *queue.Message) error {
		state := "pending"
		if m.InFlight {
			state = "in flight"
		}
		name := m.Name
		if name == m.ID {
			name = "(the same)"
		}
		t.row(m.Sequence, state, m.Attempts, age(&m.QueuedAt), elementID(m.ID), name, headers(m.Headers))
		return nil
	})
	if err != nil {
		return err
	}
	return t.Flush()
}
