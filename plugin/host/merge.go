package host

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// pluginLabel names the plugin that a metric is of. The label plugin is the type of
// the destination, where a workflow file is run.
const pluginLabel = "plugin_name"

// merged makes metrics of the process of those of a plugin, which get the label
// pluginLabel. Every exporter has counters and gauges; the parts of histograms and
// summaries become metrics of their own, under the names that Prometheus knows.
type merged struct {
	plugin  string
	metrics *service.Metrics
	taken   *takenNames

	mu    sync.Mutex
	known map[string]*series
}

// takenNames are the metrics of all plugins of a host, with their kind and labels.
type takenNames struct {
	mu    sync.Mutex
	names map[string]string
}

// take reports whether a metric can be what the signature says.
func (t *takenNames) take(name, signature string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.names[name]; !ok {
		t.names[name] = signature
	}
	return t.names[name] == signature
}

// series is a metric with one set of labels' names.
type series struct {
	labels  []string
	counter *service.MetricCounter
	gauge   *service.MetricGauge
	// last is what a counter was at, by the values of the labels.
	last map[string]float64
	// bad says that the metric cannot be taken over, which was told of.
	bad bool
}

// sample is one value of a metric.
type sample struct {
	name   string
	count  bool
	labels map[string]string
	value  float64
}

func newMerged(plugin string, m *service.Metrics, taken *takenNames) *merged {
	return &merged{plugin: plugin, metrics: m, taken: taken, known: map[string]*series{}}
}

// restarted says that the plugin's counters begin at 0 again.
func (m *merged) restarted() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.known {
		clear(s.last)
	}
}

// add takes over a family. It fails once for each metric that cannot be taken over.
func (m *merged) add(family *dto.MetricFamily) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	samples := samplesOf(family)
	// An exporter wants the names of all labels beforehand.
	names := map[string]map[string]bool{}
	for _, s := range samples {
		if names[s.name] == nil {
			names[s.name] = map[string]bool{}
		}
		for label := range s.labels {
			names[s.name][label] = true
		}
	}
	var first error
	for _, s := range samples {
		if err := m.set(s, names[s.name]); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (m *merged) set(s sample, names map[string]bool) error {
	known, err := m.seriesOf(s, names)
	if err != nil || known.bad {
		return err
	}
	values := make([]string, len(known.labels))
	for i, label := range known.labels {
		// Prometheus panics where a value is anything else.
		values[i] = strings.ToValidUTF8(s.labels[label], "\uFFFD")
	}
	if known.gauge != nil {
		known.gauge.SetFloat64(s.value, append(values, m.plugin)...)
		return nil
	}
	key := strings.Join(values, "\xff")
	delta := s.value - known.last[key]
	known.last[key] = s.value
	if delta < 0 {
		// It began at 0 again.
		delta = max(s.value, 0)
	}
	known.counter.IncrFloat64(delta, append(values, m.plugin)...)
	return nil
}

// reserved are the labels that the process gives its metrics.
var reserved = map[string]bool{
	pluginLabel: true, "label": true, "path": true, "stream": true,
	"workflow": true, "source": true, "destination": true, "plugin": true,
}

func exported(label string) string {
	if reserved[label] {
		return "exported_" + label
	}
	return label
}

// ours are how the names of the metrics begin that the process has, or may have,
// itself. An exporter does not bear two metrics of one name.
var ours = []string{
	"ingest_", "go_", "process_", "promhttp_",
	"input_", "output_", "processor_", "batch_", "buffer_", "cache_", "rate_limit_",
}

func ownName(name string) string {
	if slices.ContainsFunc(ours, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return "plugin_" + name
	}
	return name
}

// seriesOf returns what the metric was made into, and makes it the first time.
func (m *merged) seriesOf(s sample, names map[string]bool) (*series, error) {
	if made, ok := m.known[s.name]; ok {
		return made, nil
	}
	made := &series{last: map[string]float64{}}
	m.known[s.name] = made
	var labels []string
	for name := range names {
		made.labels = append(made.labels, name)
	}
	slices.Sort(made.labels)
	for _, name := range made.labels {
		labels = append(labels, exported(name))
	}
	labels = append(labels, pluginLabel)
	name := ownName(s.name)
	if err := valid(name, labels); err != nil {
		made.bad = true
		return nil, err
	}
	if !m.taken.take(name, fmt.Sprint(s.count, labels)) {
		made.bad = true
		return nil, errors.New("another plugin has one of this name that is of another kind, or has other labels")
	}
	if s.count {
		made.counter = m.metrics.NewCounter(name, labels...)
	} else {
		made.gauge = m.metrics.NewGauge(name, labels...)
	}
	return made, nil
}

// valid fails where an exporter would panic: it registers what is never collected.
func valid(name string, labels []string) error {
	return prometheus.NewRegistry().Register(prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: name}, labels))
}

// samplesOf takes a family apart.
func samplesOf(family *dto.MetricFamily) (all []sample) {
	name := family.GetName()
	for _, metric := range family.GetMetric() {
		labels := map[string]string{}
		for _, pair := range metric.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		with := func(label string, at float64) map[string]string {
			more := map[string]string{label: formatBound(at)}
			for k, v := range labels {
				more[k] = v
			}
			return more
		}
		switch {
		case metric.GetCounter() != nil:
			all = append(all, sample{name, true, labels, metric.GetCounter().GetValue()})
		case metric.GetGauge() != nil:
			all = append(all, sample{name, false, labels, metric.GetGauge().GetValue()})
		case metric.GetUntyped() != nil:
			all = append(all, sample{name, false, labels, metric.GetUntyped().GetValue()})
		case metric.GetHistogram() != nil:
			h := metric.GetHistogram()
			for _, b := range h.GetBucket() {
				all = append(all, sample{name + "_bucket", true, with("le", b.GetUpperBound()), float64(b.GetCumulativeCount())})
			}
			all = append(all,
				sample{name + "_bucket", true, with("le", math.Inf(1)), float64(h.GetSampleCount())},
				sample{name + "_sum", true, labels, h.GetSampleSum()},
				sample{name + "_count", true, labels, float64(h.GetSampleCount())})
		case metric.GetSummary() != nil:
			s := metric.GetSummary()
			for _, q := range s.GetQuantile() {
				all = append(all, sample{name, false, with("quantile", q.GetQuantile()), q.GetValue()})
			}
			all = append(all,
				sample{name + "_sum", true, labels, s.GetSampleSum()},
				sample{name + "_count", true, labels, float64(s.GetSampleCount())})
		}
	}
	return all
}

func formatBound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
