package workflow_test

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/workflow"
)

func TestMetricsMapping(t *testing.T) {
	f, err := workflow.Parse([]byte(`
sources: [ { name: a, type: s3, bucket: one } ]
destinations: [ { name: 'b "quoted"', type: s3, bucket: two }, { name: c, type: s3, bucket: three } ]
workflows: [ { name: w-1, source: a, destinations: [ 'b "quoted"', c ] } ]
`), workflow.Options{})
	require.NoError(t, err)
	mapping, err := bloblang.Parse(f.MetricsMapping())
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		stream, path string
		want         []string
	}{
		"scan":        {"w-1_enqueue", "root.input", []string{"w-1", "a", "", ""}},
		"fan-out":     {"w-1_dequeue", "root.output", []string{"w-1", "a", "", ""}},
		"first":       {"w-1_dequeue", "root.output.ingest_fan_out.outputs.0", []string{"w-1", "a", `b "quoted"`, "s3"}},
		"second":      {"w-1_dequeue", "root.output.ingest_fan_out.outputs.1", []string{"w-1", "a", "c", "s3"}},
		"the service": {"", "", []string{"", "", "", ""}},
		"another":     {"other", "root.output.ingest_fan_out.outputs.1", []string{"", "", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			msg := service.NewMessage(nil)
			msg.SetStructured("ingest_storage_bytes_total")
			if tc.stream != "" {
				msg.MetaSetMut("stream", tc.stream)
				msg.MetaSetMut("path", tc.path)
			}
			out, err := msg.BloblangMutate(mapping)
			require.NoError(t, err)
			var got []string
			for _, label := range []string{"workflow", "source", "destination", "plugin"} {
				v, ok := out.MetaGet(label)
				assert.True(t, ok, "every metric has the same labels: %s", label)
				got = append(got, v)
			}
			assert.Equal(t, tc.want, got)
			kept, _ := out.MetaGet("path")
			assert.Equal(t, tc.path, kept)
		})
	}
}
