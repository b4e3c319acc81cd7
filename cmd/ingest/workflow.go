package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/workflow"
)

const flagOutput = "output"

// workflowCommand works on files of sources, destinations and workflows.
func workflowCommand() *cli.Command {
	return &cli.Command{
		Name:  "workflow",
		Usage: "Turn a file of sources, destinations and workflows into pipelines",
		Description: `
A workflow file is run with ingest --mode=enqueue, dequeue or all. What is run are
pipelines that it is compiled to, and render prints them.

  ingest workflow render ./workflows.yaml
  ingest --mode=all --config ./workflows.yaml`[1:],
		Subcommands: []*cli.Command{{
			Name:      "render",
			Usage:     "Print the pipelines that a workflow file is compiled to",
			ArgsUsage: "[FILE]",
			Flags: append(workflowFlags(string(workflow.All)),
				&cli.StringFlag{Name: flagOutput, Aliases: []string{"o"}, Usage: "write a file for each pipeline into `FOLDER`"}),
			Description: `
For each workflow there are two pipelines: one that scans, <workflow>_enqueue, and
one that moves what is queued, <workflow>_dequeue. They do what the file does:

  ingest workflow render --output ./pipelines ./workflows.yaml
  ingest lint ./pipelines/*.yaml
  ingest streams ./pipelines/*.yaml

Variables stay as ${NAME}. Secrets that stand in FILE are not printed: variables
take their places, which a comment names. Files that --output writes hold them, and
can be read by their owner only.

FILE is ~/.config/ingest/config if it is not given.`[1:],
			Action: renderWorkflows,
		}},
	}
}

func renderWorkflows(c *cli.Context) error {
	mode, err := modeOf(c)
	if err != nil {
		return err
	}
	path := inConfigDir("config")
	switch c.Args().Len() {
	case 0:
	case 1:
		path = c.Args().First()
	default:
		return fmt.Errorf("one file was expected, not %v", c.Args().Slice())
	}
	file, err := loadWorkflows(c, path, true)
	if err != nil {
		return err
	}
	if dir := c.String(flagOutput); dir != "" {
		pipelines, _ := file.Compile(mode, queueOf(c, mode), workflow.Kept)
		return writePipelines(dir, pipelines)
	}
	pipelines, _ := file.Compile(mode, queueOf(c, mode), workflow.Masked)
	for i, p := range pipelines {
		if i > 0 {
			fmt.Fprintln(c.App.Writer, "---") //nolint:errcheck // the next one reports it
		}
		if _, err := c.App.Writer.Write(p.Text); err != nil {
			return err
		}
	}
	return nil
}

func writePipelines(dir string, pipelines []workflow.Pipeline) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, p := range pipelines {
		if err := os.WriteFile(filepath.Join(dir, p.Name+".yaml"), p.Text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
