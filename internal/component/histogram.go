package component

import (
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// bounds are the upper bounds of the buckets, in seconds: those that the dashboards
// of the original know.
var bounds = [...]float64{0.01, 0.1, 0.3, 1, 3, 10, 30, 60, 90, 120, 240, 360, 600}

// Histogram counts durations in seconds, with at most two labels. It is made of
// counters, in the form that Prometheus gives to histograms: a timer of the engine
// is a summary in nanoseconds or a histogram in seconds, as the exporter is
// configured, and its name is right for one of them only.
type Histogram struct {
	buckets, sum, count *service.MetricCounter
	// les are the values of the label le.
	les    []string
	series gathered[observed]
}

// observed is what was not yet told of a series.
type observed struct {
	sum   float64
	count int64
	// within counts the durations up to each bound.
	within [len(bounds)]int64
}

// NewHistogram registers a histogram.
func NewHistogram(name string, m *service.Metrics, labelKeys ...string) *Histogram {
	h := &Histogram{
		buckets: m.NewCounter(name+"_bucket", append(append([]string{}, labelKeys...), "le")...),
		sum:     m.NewCounter(name+"_sum", labelKeys...),
		count:   m.NewCounter(name+"_count", labelKeys...),
	}
	for _, bound := range bounds {
		h.les = append(h.les, strconv.FormatFloat(bound, 'g', -1, 64))
	}
	return h
}

// Observe counts a duration. Like a Counter, it gathers what it tells.
func (h *Histogram) Observe(d time.Duration, labelValues ...string) {
	h.series.update(labelValues, func(o *observed) {
		o.sum += d.Seconds()
		o.count++
		for i := len(bounds) - 1; i >= 0 && d.Seconds() <= bounds[i]; i-- {
			o.within[i]++
		}
	}, h.tell)
}

func (h *Histogram) tell(labelValues []string, o *observed) {
	h.sum.IncrFloat64(o.sum, labelValues...)
	h.count.Incr(o.count, labelValues...)
	bucket := func(le string, n int64) {
		h.buckets.Incr(n, append(append([]string{}, labelValues...), le)...)
	}
	// From the top, so that no reader finds a bucket that is fuller than the next.
	bucket("+Inf", o.count)
	for i := len(bounds) - 1; i >= 0; i-- {
		bucket(h.les[i], o.within[i])
	}
}
