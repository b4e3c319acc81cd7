package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const subject = "ingest.wf"

// scan runs the enqueue pipeline once.
func scan(t *testing.T, n *natsServer, source string) {
	t.Helper()
	p := start(t, enqueueConfig(n, source))
	require.Zero(t, p.wait(5*time.Minute), "%s", p.logs)
}

func enqueueConfig(n *natsServer, source string) string {
	return fmt.Sprintf(`
input:
  ingest_s3: { %s }
output:
  ingest_queue: { urls: [ %q ], subject: %s }
`, source, n.url, subject)
}

// dequeue describes a dequeue pipeline.
type dequeue struct {
	source  string
	outputs []string
	cleanUp bool
	// queue and extra hold further fields of the input and the fan-out.
	queue, extra string
}

func (d dequeue) config(n *natsServer) string {
	var outputs strings.Builder
	for _, o := range d.outputs {
		fmt.Fprintf(&outputs, "      - ingest_s3: { %s }\n", o)
	}
	return fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s, ack_wait: 5s%s }
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_fan_out:
    clean_up: %v
%s
    outputs:
%s`, n.url, subject, d.queue, d.source, d.cleanUp, d.extra, outputs.String())
}

// drained waits until the queue is empty.
func drained(t *testing.T, n *natsServer, timeout time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool { return n.count(t, "ingest") == 0 }, timeout, 4*tick, "the queue is not worked off")
}
