package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/commandline"
)

// defaultConfigs are run where no configuration is named.
var defaultConfigs = []string{"ingest.yaml", "/etc/ingest/ingest.yaml"}

// readCommandLine refuses what the engine would answer with pages of help, or not
// at all, and gives it the rest as it expects it.
func readCommandLine(args []string) (*commandline.Line, error) {
	line, err := commandline.Parse(engineApp(), args)
	if err != nil {
		return nil, err
	}
	named := len(line.Arguments) > 0 || line.Has("config", "resources")
	switch {
	case line.Help:
	case len(args) == 1 && !hasDefaultConfig():
		return commandline.Parse(engineApp(), append(args, "--help"))
	case line.Name == "ingest lint" && !named,
		line.Name == "ingest run" && !named && !line.Has("set") && !hasDefaultConfig():
		return nil, fmt.Errorf("a configuration was expected, as in %s ./dequeue.yaml", line.Name)
	case line.Name == "ingest streams" && !named && line.Has("until-done"):
		return nil, errors.New("no configuration given: one was expected, as in ingest streams --until-done ./enqueue.yaml ./dequeue.yaml")
	case line.Name == "ingest lint":
		for i, path := range line.Arguments {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				line.Arguments[i] = path + "/..."
			}
		}
	case line.Name == "ingest run" && len(line.Arguments) > 1:
		return nil, errors.New("ingest run takes one configuration: ingest streams runs several in one process")
	}
	return line, nil
}

func hasDefaultConfig() bool {
	return slices.ContainsFunc(defaultConfigs, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// engineApp returns the commands of the engine and ours. The engine gives it to
// commands only.
func engineApp() (app *cli.App) {
	const command = "app"
	opts := append(engineOptions([]string{"ingest", command}), (&runProgress{}).options()...)
	_, err := service.RunCLIToCode(context.Background(), append(opts, service.CLIOptAddCommand(&cli.Command{
		Name: command,
		Action: func(c *cli.Context) error {
			app = c.App
			app.Commands = slices.DeleteFunc(app.Commands, func(c *cli.Command) bool { return c.Name == command })
			return nil
		},
	}))...)
	if err != nil {
		// The command is there, and cannot fail.
		panic(err)
	}
	return app
}
