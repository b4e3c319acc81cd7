// Command ingest is a Benthos distro that moves objects from any API into object
// storage: Benthos's own components, the stock components for NATS JetStream and
// Prometheus, and the ingest bundle.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	"github.com/ingest-bundle/ingest/internal/outcome"
	_ "github.com/ingest-bundle/ingest/systems/all"
	_ "github.com/ingest-bundle/ingest/templates"
)

func main() { os.Exit(run()) }

func run() int {
	dangers := refuseDangers(os.Args)
	if dangers && !slices.Contains(os.Args, "lint") {
		return 1
	}
	code, err := service.RunCLIToCode(context.Background(),
		service.CLIOptSetVersion(versionAndCommit(), DateBuilt),
		service.CLIOptSetBinaryName("ingest"),
		service.CLIOptSetProductName("ingest"),
		service.CLIOptSetDocumentationURL("https://github.com/ingest-bundle/ingest/tree/main/docs"),
		service.CLIOptSetDefaultConfigPaths("ingest.yaml", "/etc/ingest/ingest.yaml"),
		service.CLIOptSetMainSchemaFrom(schema),
		service.CLIOptAddCommand(queueCommand()),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if dangers && code == 0 {
		return 1
	}
	if n, first := outcome.Failures(); n > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "ingest: %d failures that no retry can mend, the first: %v\n", n, first)
		return 1
	}
	return code
}

// schema is that of Benthos, with the defaults that keep objects safe: a message
// that failed a processor never reaches an output, and big uploads get the time
// to finish.
func schema() *service.ConfigSchema {
	s := service.GlobalEnvironment().FullConfigSchema(Version, DateBuilt)
	s.SetFieldDefault(true, "error_handling", "strict")
	s.SetFieldDefault("1m", "shutdown_timeout")
	// The service shows configurations, and can be told to stop streams.
	s.SetFieldDefault("127.0.0.1:4195", "http", "address")
	return s
}
