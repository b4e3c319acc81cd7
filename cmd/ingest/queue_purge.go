package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ingest-bundle/ingest/queue"
)

func queuePurgeCommand() *cli.Command {
	return &cli.Command{
		Name:      "purge",
		Usage:     "Remove all messages or all dead letters of a queue, after asking",
		ArgsUsage: "[CONFIG]",
		Flags: append(queueFlags(),
			&cli.BoolFlag{Name: "dead", Usage: "remove the dead letters, and leave the messages"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"}),
		Description: `
Removes the messages of one workflow with their counts of failed attempts, or its
dead letters. The objects stay where they are, and the next scan of the source
queues them again. Stop the workers first: what they hold they finish.

It says what would be removed, and asks. Where nobody can be asked, because the
standard input is no terminal, it fails without --yes.

  ingest queue purge ./dequeue.yaml
  ingest queue purge ./dequeue.yaml --dead --yes`[1:],
		Action: withTarget(purgeQueue),
	}
}

func purgeQueue(ctx context.Context, c *cli.Context, target pipelineQueue, args []string) error {
	if err := nothingMore(c, args); err != nil {
		return err
	}
	q, err := attach(ctx, target.Config)
	if err != nil {
		return err
	}
	defer q.Close() //nolint:errcheck // the command is over
	info, err := q.Info(ctx)
	if err != nil {
		return err
	}
	what, purge := messagesOf(info), q.Purge
	n := info.Messages
	if c.Bool("dead") {
		n, purge = info.DeadLetters, q.PurgeDead
		what = fmt.Sprintf("%d dead letters", n)
	}
	what += fmt.Sprintf(" of the queue %s in stream %s of %s", info.Subject, info.Stream.Name, target.Server)
	if n == 0 {
		return printf(c, "Nothing to remove: %s.\n", what)
	}
	if !c.Bool("yes") {
		if err := confirm(ctx, c, what); err != nil {
			return err
		}
	}
	if err := purge(ctx, info); err != nil {
		return err
	}
	return printf(c, "Removed: %s.\nSources find the objects that are still there at their next scan.\n", what)
}

func messagesOf(info *queue.Info) string {
	text := fmt.Sprintf("%d messages", info.Messages)
	if info.Consumer != nil && info.Consumer.InFlight > 0 {
		text += fmt.Sprintf(", %d of them in flight,", info.Consumer.InFlight)
	}
	return text
}

// confirm fails unless the user says yes.
func confirm(ctx context.Context, c *cli.Context, what string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("this would remove %s: nobody can be asked, so --yes was expected", what)
	}
	if err := printf(c, "This removes %s.\nSources find the objects that are still there at their next scan. Type yes to go on: ", what); err != nil {
		return err
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.App.Reader).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case text := <-answer:
		if text != "yes" {
			return errors.New("nothing was removed")
		}
		return nil
	case <-ctx.Done():
		return errors.New("nothing was removed")
	}
}
