package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
)

// queueCommand works on the queue that a pipeline's configuration names.
func queueCommand() *cli.Command {
	return &cli.Command{
		Name:  "queue",
		Usage: "Look at the work queue of a pipeline, and put dead letters back",
		Description: `
Every command takes the configuration of a pipeline that has an ingest_queue input
or output, and works on its queue. Environment variables are expanded.

  ingest queue create ./dequeue.yaml
  ingest queue dead ls ./dequeue.yaml
  ingest queue dead requeue ./dequeue.yaml`[1:],
		Subcommands: []*cli.Command{
			{
				Name:      "create",
				Usage:     "Create the stream and, for a pipeline that takes from it, the consumer and the stream of dead letters",
				ArgsUsage: "CONFIG",
				Action:    withQueue(createQueue),
			},
			{
				Name:  "dead",
				Usage: "Look at dead letters, and put them back",
				Subcommands: []*cli.Command{
					{
						Name:      "ls",
						Usage:     "Print the dead letters, one JSON object a line, oldest first",
						ArgsUsage: "CONFIG",
						Action:    withQueue(listDead),
					},
					{
						Name:      "requeue",
						Usage:     "Put all dead letters back into the queue, with a fresh count of attempts",
						ArgsUsage: "CONFIG",
						Action:    withQueue(requeueDead),
					},
				},
			},
		},
	}
}

// pipelineQueue is the queue of a pipeline.
type pipelineQueue struct {
	*queue.Queue
	// consumes says that the pipeline takes from it.
	consumes bool
}

func withQueue(act func(*cli.Context, pipelineQueue) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Len() != 1 {
			return fmt.Errorf("one configuration was expected: ingest queue %s CONFIG", c.Command.Name)
		}
		cfg, consumes, err := queueOfPipeline(c.Args().First())
		if err != nil {
			return err
		}
		q, err := queue.Open(c.Context, cfg, nil)
		if err != nil {
			return err
		}
		defer q.Close() //nolint:errcheck // the command is over
		return act(c, pipelineQueue{q, consumes})
	}
}

// createQueue leaves alone what the pipeline says nothing of: opening the queue has
// made the stream.
func createQueue(c *cli.Context, q pipelineQueue) error {
	if !q.consumes {
		return nil
	}
	sub, err := q.Subscribe(c.Context)
	if err != nil {
		return err
	}
	return sub.Close(c.Context)
}

func listDead(c *cli.Context, q pipelineQueue) error {
	enc := json.NewEncoder(c.App.Writer)
	return q.DeadLetters(c.Context, func(d *queue.DeadLetter) error { return enc.Encode(d) })
}

func requeueDead(c *cli.Context, q pipelineQueue) error {
	n := 0
	err := q.DeadLetters(c.Context, func(d *queue.DeadLetter) error {
		if err := q.Requeue(c.Context, d); err != nil {
			return err
		}
		n++
		return nil
	})
	fmt.Fprintf(c.App.Writer, "%d dead letters are back in the queue\n", n) //nolint:errcheck // a closed terminal is no failure
	return err
}
