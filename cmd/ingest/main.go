// Command ingest is a Benthos distro that moves objects from any API into object
// storage: Benthos's own components, the stock components for NATS JetStream and
// Prometheus, and the ingest bundle.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	"github.com/ingest-bundle/ingest/internal/progress"
	"github.com/ingest-bundle/ingest/internal/safety"
	_ "github.com/ingest-bundle/ingest/systems/all"
	"github.com/ingest-bundle/ingest/systems/plugin"
	_ "github.com/ingest-bundle/ingest/templates"
)

// gcPercent trades a few megabytes for a third of the time that is spent collecting:
// what is alive is small, since contents are streamed. GOGC overrides it.
const gcPercent = 150

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args))
}

func run(args []string) int {
	if isWorkflowRun(args[1:]) {
		return runWorkflows(args)
	}
	line, err := readCommandLine(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	args = line.Words()
	dangers := refuseDangers(line)
	if dangers && line.Name != "ingest lint" {
		return 1
	}
	if dangers {
		// What is not set was told, with its line.
		args = slices.Insert(args, len(args)-len(line.BehindCommand()), "--skip-env-var-check")
	}
	withAPI := line.Name == "ingest streams" && !line.Has("no-api")
	code := runEngine(args, func() map[string][]byte { return namedFiles(line) }, service.CLIOptOnConfigParse(guardService(withAPI, os.Stderr)))
	if dangers && code == 0 {
		return 1
	}
	return code
}

// runEngine does what a command line of Benthos says. Its errors say where they come
// from in the files that it runs.
func runEngine(args []string, files func() map[string][]byte, more ...service.CLIOptFunc) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	shown, err := newRunProgress(args, stop)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	setHelp()
	defer plugin.Close()
	opts := append(engineOptions(args), shown.options()...)
	code, err := service.RunCLIToCode(ctx, append(opts, more...)...)
	shown.end()
	if err != nil {
		// The engine forgets to fill in this one.
		text := strings.ReplaceAll(err.Error(), "{{.ProductName}}", "ingest")
		if finding, ok := safety.Locate(files(), text); ok {
			text = finding.String()
		}
		fmt.Fprintln(os.Stderr, text)
	}
	if shown.interrupted() && code == 0 {
		fmt.Fprintln(os.Stderr, "ingest: stopped before all was done")
		code = 1
	}
	if shown.tellUnread(progress.Process) && code == 0 {
		code = 1
	}
	if n, first := progress.Process.Failures(); n > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "ingest: %d failed for good, the first: %v\n", n, first)
		return 1
	}
	return code
}

// engineOptions make the engine's command line ours.
func engineOptions(args []string) []service.CLIOptFunc {
	return []service.CLIOptFunc{
		service.CLIOptSetArgs(args...),
		service.CLIOptSetVersion(versionAndCommit(), DateBuilt),
		service.CLIOptSetBinaryName("ingest"),
		service.CLIOptSetProductName("ingest"),
		service.CLIOptSetDefaultConfigPaths(defaultConfigs...),
		service.CLIOptSetMainSchemaFrom(schema),
		service.CLIOptAddTeeLogger(slog.New(hints{out: os.Stderr})),
		service.CLIOptAddCommand(demoCommand()),
		service.CLIOptAddCommand(queueCommand()),
		service.CLIOptAddCommand(checkCommand()),
		service.CLIOptAddCommand(workflowCommand()),
		service.CLIOptAddCommand(completionCommand()),
		service.CLIOptAddCommand(completeCommand()),
	}
}

// schema is that of Benthos, with the defaults that keep objects safe: a message
// that failed a processor never reaches an output, and big uploads get the time
// to finish.
func schema() *service.ConfigSchema {
	s := service.GlobalEnvironment().FullConfigSchema(Version, DateBuilt)
	s.SetFieldDefault(true, "error_handling", "strict")
	s.SetFieldDefault("1m", "shutdown_timeout")
	s.SetFieldDefault(map[string]any{"@service": "ingest"}, "logger", "static_fields")
	// The service shows configurations, and can be told to stop streams.
	s.SetFieldDefault("127.0.0.1:4195", "http", "address")
	return s
}
