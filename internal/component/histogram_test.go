package component

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/internal/registerer"
)

// metricsInto returns metrics that are exported to the registry.
func metricsInto(t *testing.T, reg *prometheus.Registry) *service.Metrics {
	t.Helper()
	env := service.GlobalEnvironment().Clone()
	require.NoError(t, registerer.Register(env, reg))
	builder := env.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(`{ input: { generate: { mapping: "" } }, output: { drop: {} }, metrics: { registerer: {} } }`))
	stream, err := builder.Build()
	require.NoError(t, err)
	return stream.Resources().Metrics()
}

func TestHistogram(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := NewHistogram("took_seconds", metricsInto(t, reg), "operation")
	for _, d := range []time.Duration{0, 300 * time.Millisecond, 500 * time.Millisecond, time.Hour} {
		h.Observe(d, "store")
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP took_seconds_bucket See the documentation of ingest.
# TYPE took_seconds_bucket counter
took_seconds_bucket{le="0.01",operation="store"} 1
took_seconds_bucket{le="0.1",operation="store"} 1
took_seconds_bucket{le="0.3",operation="store"} 2
took_seconds_bucket{le="1",operation="store"} 3
took_seconds_bucket{le="3",operation="store"} 3
took_seconds_bucket{le="10",operation="store"} 3
took_seconds_bucket{le="30",operation="store"} 3
took_seconds_bucket{le="60",operation="store"} 3
took_seconds_bucket{le="90",operation="store"} 3
took_seconds_bucket{le="120",operation="store"} 3
took_seconds_bucket{le="240",operation="store"} 3
took_seconds_bucket{le="360",operation="store"} 3
took_seconds_bucket{le="600",operation="store"} 3
took_seconds_bucket{le="+Inf",operation="store"} 4
# HELP took_seconds_count See the documentation of ingest.
# TYPE took_seconds_count counter
took_seconds_count{operation="store"} 4
# HELP took_seconds_sum See the documentation of ingest.
# TYPE took_seconds_sum counter
took_seconds_sum{operation="store"} 3600.8
`)))
	}, 10*time.Second, 10*time.Millisecond)
}

func TestCounterTellsAll(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := NewCounter("done_total", metricsInto(t, reg), "result")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				c.Incr(1, "success")
				c.Incr(2, "error")
			}
		})
	}
	wg.Wait()
	TellCounters()
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP done_total See the documentation of ingest.
# TYPE done_total counter
done_total{result="error"} 16000
done_total{result="success"} 8000
`)))
}

func TestZero(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := NewCounter("done_total", metricsInto(t, reg), "operation", "result")
	c.Zero([]string{"stat", "store"}, Results)
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP done_total See the documentation of ingest.
# TYPE done_total counter
done_total{operation="stat",result="error"} 0
done_total{operation="stat",result="success"} 0
done_total{operation="store",result="error"} 0
done_total{operation="store",result="success"} 0
`)))
}
