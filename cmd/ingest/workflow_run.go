package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest/internal/check"
	"github.com/ingest-bundle/ingest/internal/commandline"
	"github.com/ingest-bundle/ingest/internal/safety"
	"github.com/ingest-bundle/ingest/workflow"
)

const (
	flagListen   = "listen"
	flagLogLevel = "log-level"

	dryRunTimeout = 10 * time.Second
)

// logLevels are those of the original, as Benthos calls them.
var logLevels = map[string]string{
	"all": "TRACE", "debug": "DEBUG", "info": "INFO", "warn": "WARN", "error": "ERROR", "none": "OFF",
}

// isWorkflowRun reports whether a command line is one of the original's: it has one
// of its flags, and no command before.
func isWorkflowRun(args []string) bool {
	ofBenthos := []string{flagConfig, flagEnvFile, flagProgress, flagUntilDone}
	flags := workflowApp(nil).Flags
	for i := 0; i < len(args); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") || name == "" {
			return false
		}
		f := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		if f >= 0 && !slices.Contains(ofBenthos, flags[f].Names()[0]) {
			return true
		}
		_, isBool := map[string]bool{"v": true, "version": true, "h": true, "help": true, flagProgress: true, flagUntilDone: true}[name]
		if !isBool && !hasValue || name == flagProgress && i+1 < len(args) && (&progressFlag{}).Takes(args[i+1]) {
			i++
		}
	}
	return false
}

func workflowApp(action cli.ActionFunc) *cli.App {
	return &cli.App{
		Name:        "ingest",
		Usage:       about,
		UsageText:   "ingest --mode=enqueue|dequeue|all [OPTIONS]",
		HideVersion: true,
		Description: `
Runs a file of sources, destinations and workflows. ingest --help has the commands,
which run pipelines.

  ingest --mode=enqueue --config ./workflows.yaml --queue-endpoint nats://nats:4222
  ingest --mode=dequeue --config ./workflows.yaml --queue-endpoint nats://nats:4222
  ingest --mode=all --config ./workflows.yaml   # no NATS server is needed
  ingest --dry-run --config ./workflows.yaml    # are the servers there, is all permitted?`[1:],
		Flags: append(workflowFlags(""),
			&cli.StringFlag{Name: flagConfig, Value: inConfigDir("config"), Usage: "`FILE` of sources, destinations and workflows"},
			&cli.StringFlag{Name: flagListen, Value: "127.0.0.1:9090", Usage: "`ADDRESS` for health and metrics"},
			&cli.StringFlag{Name: flagLogLevel, Value: "info", Usage: "`LEVEL` of the log: all, debug, info, warn, error or none"},
			&cli.BoolFlag{Name: flagDryRun, Usage: "load the file, connect to everything, say what works and what a run would do, and exit"},
			&cli.GenericFlag{Name: flagProgress, Value: &progressFlag{}, Usage: "show progress on stderr; =`MODE` is auto, bar, plain or json"},
			&cli.BoolFlag{Name: flagUntilDone, Usage: "end once every source was scanned and the queues are empty"},
			&cli.BoolFlag{Name: "version", Usage: "print the version"},
		),
		Action: action,
	}
}

// runWorkflows does what the original's command line does.
func runWorkflows(args []string) (code int) {
	app := workflowApp(func(c *cli.Context) (err error) {
		code, err = startWorkflows(c)
		return err
	})
	line, err := commandline.Parse(app, args)
	if err == nil && len(line.Arguments) > 0 {
		err = fmt.Errorf("%q was not expected: the file is named by --%s", line.Arguments[0], flagConfig)
	}
	if err == nil {
		err = app.Run(line.Words())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func startWorkflows(c *cli.Context) (int, error) {
	if c.Bool("version") {
		fmt.Fprintln(c.App.Writer, versionAndCommit()) //nolint:errcheck // a closed terminal is no failure
		return 0, nil
	}
	level, ok := logLevels[c.String(flagLogLevel)]
	if !ok {
		return 1, fmt.Errorf("log level %q is unknown: all, debug, info, warn, error or none was expected", c.String(flagLogLevel))
	}
	if c.Bool(flagDryRun) && !c.IsSet(flagMode) {
		if err := c.Set(flagMode, string(workflow.All)); err != nil {
			return 1, err
		}
	}
	mode, err := modeOf(c)
	if err != nil {
		return 1, err
	}
	file, err := loadWorkflows(c, c.String(flagConfig), false)
	if err != nil {
		return 1, err
	}
	pipelines, env := file.Compile(mode, queueOf(c, mode), workflow.Hidden)
	lookup := func(name string) (string, bool) {
		if value, ok := env[name]; ok {
			return value, true
		}
		return os.LookupEnv(name)
	}
	if err := refuseDangerousWorkflows(c.String(flagConfig), pipelines, lookup); err != nil {
		return 1, err
	}
	if c.Bool(flagDryRun) {
		return 0, dryRun(c, pipelines, lookup)
	}
	return runPipelines(c, file, pipelines, level, lookup)
}

// refuseDangerousWorkflows looks for what could wipe data.
func refuseDangerousWorkflows(path string, pipelines []workflow.Pipeline, lookup func(string) (string, bool)) error {
	texts, of := map[string][]byte{}, map[string]workflow.Pipeline{}
	for _, p := range pipelines {
		texts[p.Name], of[p.Name] = expand(p.Text, lookup), p
	}
	findings, err := safety.Check(schema(), texts)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range findings {
		p := of[f.File]
		errs = append(errs, fmt.Errorf("%s: line %d: workflow %s: %s", path, p.Line, p.Workflow, f.Text))
	}
	return errors.Join(errs...)
}

// dryRun connects to everything.
func dryRun(c *cli.Context, pipelines []workflow.Pipeline, lookup func(string) (string, bool)) error {
	var files []check.File
	for _, p := range pipelines {
		files = append(files, check.File{Path: p.Name, Text: expand(p.Text, lookup)})
	}
	checker := &check.Checker{Schema: schema(), Expand: bytes.Clone, ParseQueue: parseQueue, Timeout: dryRunTimeout}
	report := checker.Run(c.Context, files)
	if err := report.Print(c.App.Writer); err != nil {
		return err
	}
	if !report.OK {
		return fmt.Errorf("ingest --dry-run: %d to fix", report.Failures())
	}
	return nil
}

// runPipelines runs pipelines as ingest streams does. The files that it writes hold
// no secrets: these are variables, which are looked up.
func runPipelines(c *cli.Context, file *workflow.File, pipelines []workflow.Pipeline, level string, lookup func(string) (string, bool)) (int, error) {
	if err := canListen(c.String(flagListen)); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "ingest-workflows-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	root, err := yaml.Marshal(map[string]any{
		"http":    map[string]any{"address": c.String(flagListen), "debug_endpoints": isLoopback(c.String(flagListen))},
		"metrics": map[string]any{"prometheus": map[string]any{}, "mapping": file.MetricsMapping()},
		"logger": map[string]any{
			"level": level, "format": "json", "add_timestamp": true, "timestamp_name": "ts",
			"static_fields": map[string]any{"@service": "ingest"},
		},
	})
	if err != nil {
		return 1, err
	}
	observability := filepath.Join(dir, "service.yaml")
	if err := os.WriteFile(observability, root, 0o600); err != nil {
		return 1, err
	}
	streams := filepath.Join(dir, "streams")
	if err := writePipelines(streams, pipelines); err != nil {
		return 1, err
	}
	args := []string{"ingest", "streams", "--no-api", "--observability", observability}
	if mode := c.Generic(flagProgress).(*progressFlag).mode; mode != "" {
		args = append(args, "--"+flagProgress+"="+string(mode))
	}
	if c.Bool(flagUntilDone) {
		args = append(args, "--"+flagUntilDone)
	}
	// Nobody has seen the files that are run.
	nowhere := func() map[string][]byte { return nil }
	return runEngine(append(args, streams), nowhere,
		service.CLIOptSetEnvVarLookup(func(_ context.Context, name string) (string, bool) { return lookup(name) }),
		service.CLIOptOnConfigParse(func(conf *service.ParsedConfig) error {
			conf.Resources().Metrics().NewCounter("ingest_workflow_instantiation_failures_total").Incr(int64(len(file.Skipped)))
			return guardService(false, c.App.ErrWriter)(conf)
		}),
	), nil
}

// canListen finds out beforehand: the engine goes on without its HTTP service.
func canListen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	return l.Close()
}
