package main

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

// maxErrorCell bounds an error in a table, in characters.
const maxErrorCell = 100

func queueDeadCommand() *cli.Command {
	return &cli.Command{
		Name:  "dead",
		Usage: "Look at dead letters, and put them back",
		Description: `
A message that failed too often, or that can never be moved, is a dead letter.
The last one of each object is kept until it is put back or purged.

  ingest queue dead ls ./dequeue.yaml
  ingest queue dead show ./dequeue.yaml prefix/object
  ingest queue dead requeue ./dequeue.yaml --all
  ingest queue purge ./dequeue.yaml --dead`[1:],
		Subcommands: []*cli.Command{
			{
				Name:      "ls",
				Usage:     "List the dead letters, oldest first",
				ArgsUsage: "[CONFIG]",
				Flags:     append(queueFlags(), jsonFlag(jsonLines+", with the whole message and error")),
				Description: `
  ingest queue dead ls ./dequeue.yaml
  ingest queue dead ls ./dequeue.yaml --json | jq -r .id`[1:],
				Action: withQueue(listDead),
			},
			{
				Name:      "show",
				Usage:     "Show everything of a dead letter",
				ArgsUsage: "[CONFIG] [ID]",
				Flags:     append(queueFlags(), seqFlag(), jsonFlag("print one JSON object")),
				Description: `
ID is that of the element, as "dead ls" prints it: for S3 the key. What is no
element has only its number, for --seq.

  ingest queue dead show ./dequeue.yaml prefix/object
  ingest queue dead show --url nats://localhost:4222 --subject ingest.foo_1-bar_1 prefix/object
  ingest queue dead show ./dequeue.yaml --seq 12`[1:],
				Action: withQueue(showDead),
			},
			{
				Name:      "requeue",
				Usage:     "Put dead letters back into the queue, with a fresh count of attempts",
				ArgsUsage: "[CONFIG] [ID...]",
				Flags:     append(queueFlags(), seqFlag(), &cli.BoolFlag{Name: "all", Usage: "put all of them back"}),
				Description: `
An element that is queued again already is only removed from the dead letters.

  ingest queue dead requeue ./dequeue.yaml prefix/object prefix/other
  ingest queue dead requeue ./dequeue.yaml --seq 12 --seq 13
  ingest queue dead requeue ./dequeue.yaml --all`[1:],
				Action: withQueue(requeueDead),
			},
		},
	}
}

func seqFlag() cli.Flag {
	return &cli.Uint64SliceFlag{Name: "seq", Usage: "`NUMBER` of a dead letter, instead of an ID; may be repeated"}
}

func listDead(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	if c.Bool(flagJSON) {
		enc := jsonWriter(c)
		return q.DeadLetters(ctx, func(d *queue.DeadLetter) error { return enc.Encode(d) })
	}
	t := newTable(c, "SEQUENCE", "ID", "ATTEMPTS", "GIVEN UP", "ERROR")
	err := q.DeadLetters(ctx, func(d *queue.DeadLetter) error {
		cause := d.Error
		if utf8.RuneCountInString(cause) > maxErrorCell {
			cause = string([]rune(cause)[:maxErrorCell]) + "…"
		}
		t.row(d.Sequence, elementID(d.ID), d.Attempts, age(&d.At), cause)
		return nil
	})
	if err != nil {
		return err
	}
	return t.Flush()
}

// findDead calls f for the dead letters that the arguments name. Those that do not
// exist are errors, and keep nobody from the others.
func findDead(ctx context.Context, c *cli.Context, q *queue.Queue, ids []string, f func(*queue.DeadLetter) error) error {
	var missing []error
	found := func(name string, d *queue.DeadLetter, err error) error {
		if errors.Is(err, queue.ErrNotFound) {
			missing = append(missing, fmt.Errorf("dead letter %s: %w", name, err))
			return nil
		}
		if err != nil {
			return err
		}
		return f(d)
	}
	for _, id := range ids {
		d, err := q.DeadLetter(ctx, id)
		if err := found(fmt.Sprintf("%q", id), d, err); err != nil {
			return err
		}
	}
	for _, seq := range c.Uint64Slice("seq") {
		d, err := q.DeadLetterAt(ctx, seq)
		if err := found(fmt.Sprintf("number %d", seq), d, err); err != nil {
			return err
		}
	}
	return errors.Join(missing...)
}

func showDead(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error {
	if len(args)+len(c.Uint64Slice("seq")) != 1 {
		return fmt.Errorf("one dead letter was expected, an ID or --seq: %s %s", c.Command.HelpName, c.Command.ArgsUsage)
	}
	return findDead(ctx, c, q, args, func(d *queue.DeadLetter) error {
		if c.Bool(flagJSON) {
			return printJSON(c, d)
		}
		t := newTable(c)
		t.row("Sequence", d.Sequence)
		t.row("ID", elementID(d.ID))
		t.row("Name", d.Name)
		t.row("Subject", d.Subject)
		t.row("Attempts", d.Attempts)
		t.row("Given up", fmt.Sprintf("%s (%s)", d.At.Local().Format(time.DateTime), age(&d.At)))
		t.row("Error", d.Error)
		for key, values := range d.Headers {
			for _, v := range values {
				t.row("Header", key+": "+v)
			}
		}
		var codec ingest.Codec
		if codec.Unmarshal(d.Data) == nil {
			t.row("Meta", string(codec.Meta))
		}
		t.row("Message", string(d.Data))
		return t.Flush()
	})
}

func requeueDead(ctx context.Context, c *cli.Context, q *queue.Queue, args []string) error {
	named := len(args)+len(c.Uint64Slice("seq")) > 0
	if c.Bool("all") == named {
		return fmt.Errorf("either the IDs of dead letters (or --seq) or --all was expected: %s %s", c.Command.HelpName, c.Command.ArgsUsage)
	}
	n := 0
	requeue := func(d *queue.DeadLetter) error {
		if err := q.Requeue(ctx, d); err != nil {
			return err
		}
		n++
		return nil
	}
	var err error
	if named {
		err = findDead(ctx, c, q, args, requeue)
	} else {
		err = q.DeadLetters(ctx, requeue)
	}
	if err != nil && n == 0 {
		return err
	}
	return errors.Join(err, printf(c, "dead letters put back into the queue: %d\n", n))
}
