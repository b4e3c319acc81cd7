package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/check"
)

// checkCommand connects to everything that configurations name.
func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "Connect to everything that configurations name, and say what works, what is missing, and what a run would do",
		ArgsUsage: "CONFIG...",
		Description: `
Lints the configurations, connects to every system that they name, and tests which
permissions are there: list, get, put, delete, and what is needed of the queue. Of
what fails it says what the problem is, and how to fix it. Nothing is changed: no
object is written or removed, no stream is created. What cannot be tested without
a change is said to be not tested.

Name the configurations of one workflow together, since a permission may be for a
prefix only that the other one tells. A folder stands for the YAML files in it.

  ingest check ./enqueue.yaml ./dequeue.yaml
  ingest check -e ./secrets.env config/examples/single-process
  ingest check --json ./dequeue.yaml

The exit code is 0 only if nothing failed.`[1:],
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "env-file", Aliases: []string{"e"}, Usage: "import environment variables from a dotenv file"},
			&cli.StringSliceFlag{Name: "resources", Aliases: []string{"r"}, Usage: "check a file of resources too"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "how long each test may take"},
		},
		Action: runCheck,
	}
}

func runCheck(c *cli.Context) error {
	if err := importEnv(c.StringSlice("env-file")); err != nil {
		return err
	}
	files, err := configFiles(append(c.Args().Slice(), c.StringSlice("resources")...))
	if err != nil {
		return err
	}
	checker := &check.Checker{Schema: schema(), Expand: expandEnv, ParseQueue: parseQueue, Timeout: c.Duration("timeout")}
	report := checker.Run(c.Context, files)
	if c.Bool("json") {
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.Print(c.App.Writer)
	}
	if err == nil && !report.OK {
		err = fmt.Errorf("ingest check: %d to fix", report.Failures())
	}
	return err
}

// configFiles reads the files that the arguments stand for.
func configFiles(args []string) (files []check.File, err error) {
	if len(args) == 0 {
		return nil, errors.New("a configuration was expected, as in ingest check ./dequeue.yaml")
	}
	for _, arg := range args {
		paths := configsAt(arg)
		if len(paths) == 0 {
			return nil, fmt.Errorf("there is no configuration at %s", arg)
		}
		for _, path := range paths {
			text, err := readConfig(path)
			if err != nil {
				return nil, err
			}
			files = append(files, check.File{Path: path, Text: text})
		}
	}
	return files, nil
}
