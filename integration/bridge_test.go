package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStockBridge has stock components at either end of the queue, by hand and
// by the templates.
func TestStockBridge(t *testing.T) {
	inputs := map[string]string{
		"nats_jetstream": `nats_jetstream: { urls: [ %q ], stream: ingest, subject: "ingest.wf.>", durable: ingest__wf, bind: true }`,
		"template":       `ingest_dequeue: { urls: [ %q ], subject: ingest.wf }`,
	}
	outputs := map[string]string{
		"nats_jetstream": `nats_jetstream: { urls: [ %q ], subject: 'ingest.wf.${! json("id").hash("sha256").encode("hex") }' }`,
		"template":       `ingest_enqueue: { urls: [ %q ], subject: ingest.wf }`,
	}
	objects := small(50, "o")
	setUp := func(t *testing.T) (source, dest *s3Server, n *natsServer) {
		source, dest, n = startMinIO(t), startMinIO(t), startNATS(t)
		source.bucket("source")
		dest.bucket("copy")
		putAll(t, source, "source", objects)
		sub, err := openQueue(t, n).Subscribe(t.Context())
		require.NoError(t, err)
		require.NoError(t, sub.Close(t.Context()))
		return source, dest, n
	}
	for name, input := range inputs {
		t.Run("ours to stock input "+name, func(t *testing.T) {
			source, dest, n := setUp(t)
			scan(t, n, source.fields("source"))
			p := start(t, fmt.Sprintf(`
input:
  %s
pipeline:
  processors:
    - ingest_s3: { %s }
output:
  ingest_s3: { %s }
`, fmt.Sprintf(input, n.url), source.fields("source"), dest.fields("copy")))
			drained(t, n, time.Minute)
			p.stop()
			requireSame(t, dest, "copy", "", objects)
		})
	}
	for name, output := range outputs {
		t.Run("stock output to ours "+name, func(t *testing.T) {
			source, dest, n := setUp(t)
			p := start(t, fmt.Sprintf("input:\n  ingest_s3: { %s }\noutput:\n  %s\n", source.fields("source"), fmt.Sprintf(output, n.url)))
			require.Zero(t, p.wait(time.Minute), "%s", p.logs)
			assert.Equal(t, len(objects), n.count(t, "ingest"))
			if name == "template" {
				again := start(t, fmt.Sprintf("input:\n  ingest_s3: { %s }\noutput:\n  %s\n", source.fields("source"), fmt.Sprintf(output, n.url)))
				require.Zero(t, again.wait(time.Minute), "%s", again.logs)
				assert.Equal(t, len(objects), n.count(t, "ingest"))
			}
			d := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}}.config(n))
			drained(t, n, time.Minute)
			d.stop()
			requireSame(t, dest, "copy", "", objects)
		})
	}
}
