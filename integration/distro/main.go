// Command distro is a Benthos distro as anybody may make one: components of
// Redpanda Connect, the bundle, and a source of its own. It is a module of its
// own too, outside of the bundle's.
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/connect/v4/public/components/io"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	_ "github.com/redpanda-data/connect/v4/public/components/pure"

	_ "github.com/ingest-bundle/ingest/systems/s3" // also ingest_queue and ingest_fan_out
	_ "github.com/ingest-bundle/ingest/templates"  // ingest_enqueue and ingest_dequeue
)

func main() { service.RunCLI(context.Background()) }
