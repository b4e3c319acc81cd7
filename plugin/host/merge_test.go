package host

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// exposed returns the metrics of a process as Prometheus gets them, and the function
// that does: the exporter is that of the distro.
func exposed(t *testing.T) (*service.Metrics, func() string) {
	t.Helper()
	mux := http.NewServeMux()
	builder := service.NewResourceBuilder()
	builder.SetHTTPMux(mux)
	// As of a workflow file: all metrics get these labels.
	require.NoError(t, builder.SetMetricsYAML(`
mapping: |
  meta workflow = ""
  meta plugin = ""
prometheus: {}
`))
	res, stop, err := builder.Build()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop(t.Context())) })
	return res.Metrics(), func() string {
		got := httptest.NewRecorder()
		mux.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		text, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		return strings.NewReplacer(`plugin="",`, "", `,plugin=""`, "", `,workflow=""`, "").Replace(string(text))
	}
}

func addAll(t *testing.T, m *merged, g prometheus.Gatherer) (err error) {
	t.Helper()
	families, gatherErr := g.Gather()
	require.NoError(t, gatherErr)
	for _, family := range families {
		err = errors.Join(err, m.add(family))
	}
	return err
}

func TestMerge(t *testing.T) {
	metrics, text := exposed(t)
	metrics.NewCounter("ingest_ours_total", "a").Incr(1, "x")
	taken := &takenNames{names: map[string]string{}}
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"code", "path"})
	open := prometheus.NewGauge(prometheus.GaugeOpts{Name: "open"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", Buckets: []float64{0.5, 1}})
	size := prometheus.NewSummary(prometheus.SummaryOpts{Name: "size_bytes", Objectives: map[float64]float64{0.5: 0.1}})
	ours := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ingest_ours_total"})
	reg.MustRegister(requests, open, took, size, ours)
	requests.WithLabelValues("200", "/a").Add(2)
	requests.WithLabelValues("500", "/b").Add(0.5)
	open.Set(-1.5)
	took.Observe(0.7)
	took.Observe(3)
	size.Observe(10)

	m := newMerged("p", metrics, taken)
	require.NoError(t, addAll(t, m, reg))
	got := text()
	for _, line := range []string{
		`requests_total{code="200",exported_path="/a",plugin_name="p"} 2`,
		`requests_total{code="500",exported_path="/b",plugin_name="p"} 0.5`,
		`open{plugin_name="p"} -1.5`,
		`took_seconds_bucket{le="0.5",plugin_name="p"} 0`,
		`took_seconds_bucket{le="1",plugin_name="p"} 1`,
		`took_seconds_bucket{le="+Inf",plugin_name="p"} 2`,
		`took_seconds_sum{plugin_name="p"} 3.7`,
		`took_seconds_count{plugin_name="p"} 2`,
		`size_bytes{plugin_name="p",quantile="0.5"} 10`,
		`size_bytes_count{plugin_name="p"} 1`,
		`ingest_ours_total{a="x"} 1`,
		`plugin_ingest_ours_total{plugin_name="p"} 0`,
	} {
		assert.Contains(t, got, line)
	}

	requests.WithLabelValues("200", "/a").Inc()
	require.NoError(t, addAll(t, m, reg))
	assert.Contains(t, text(), `requests_total{code="200",exported_path="/a",plugin_name="p"} 3`)

	// A process that was started anew counts from 0.
	m.restarted()
	require.NoError(t, addAll(t, m, reg))
	assert.Contains(t, text(), `requests_total{code="200",exported_path="/a",plugin_name="p"} 6`)
	requests.Reset()
	requests.WithLabelValues("200", "/a").Inc()
	require.NoError(t, addAll(t, m, reg))
	assert.Contains(t, text(), `requests_total{code="200",exported_path="/a",plugin_name="p"} 7`)

	// Another plugin may have the same metrics, but not others of these names.
	require.NoError(t, addAll(t, newMerged("q", metrics, taken), reg))
	assert.Contains(t, text(), `took_seconds_count{plugin_name="q"} 2`)
	reg = prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "requests_total"}), prometheus.NewGauge(prometheus.GaugeOpts{Name: "open"}))
	third := newMerged("r", metrics, taken)
	require.ErrorContains(t, addAll(t, third, reg), "another plugin")
	require.NoError(t, addAll(t, third, reg), "it is told once")
	assert.Contains(t, text(), `open{plugin_name="r"} 0`)
}

// What Prometheus panics at is left out, and does not end the process.
func TestMergeOfBadMetrics(t *testing.T) {
	metrics, text := exposed(t)
	m := newMerged("p", metrics, &takenNames{names: map[string]string{}})
	one := func(name string, labels ...string) *dto.MetricFamily {
		metric := &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(1)}}
		for _, l := range labels {
			metric.Label = append(metric.Label, &dto.LabelPair{Name: proto.String(l), Value: proto.String("a\xff")})
		}
		return &dto.MetricFamily{Name: proto.String(name), Metric: []*dto.Metric{metric}}
	}
	for says, family := range map[string]*dto.MetricFamily{
		"duplicate label names":                one("twice", "path", "exported_path"),
		`"" is not a valid label name`:         one("empty", ""),
		`"__name__" is not a valid label name`: one("reserved", "__name__"),
		"is not a valid metric name":           one("\xff"),
	} {
		require.ErrorContains(t, m.add(family), says)
		require.NoError(t, m.add(family), "it is told once")
	}
	require.NoError(t, m.add(one("sound", "label", "code")))
	assert.Contains(t, text(), `sound{code="a�",exported_label="a�",plugin_name="p"} 1`)
}
