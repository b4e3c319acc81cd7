// Package registerer exports the metrics of a stream to a prometheus.Registerer,
// for programs that have a registry of their own.
package registerer

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// Name of the exporter in a configuration.
const Name = "registerer"

// Register makes the exporter known to the environment. It fails as
// service.Environment.RegisterMetricsExporter does.
func Register(env *service.Environment, r prometheus.Registerer) error {
	return env.RegisterMetricsExporter(Name, service.NewConfigSpec(),
		func(_ *service.ParsedConfig, log *service.Logger) (service.MetricsExporter, error) {
			return &exporter{r, log}, nil
		})
}

type exporter struct {
	r   prometheus.Registerer
	log *service.Logger
}

// register returns the collector of the same name that is registered already, if
// there is one: streams share metrics. What cannot be registered is not exported.
func register[C prometheus.Collector](e *exporter, name string, c C) C {
	err := e.r.Register(c)
	var before prometheus.AlreadyRegisteredError
	if errors.As(err, &before) {
		if existing, ok := before.ExistingCollector.(C); ok {
			return existing
		}
	}
	if err != nil {
		e.log.Errorf("metric %s is not exported: %v", name, err)
	}
	return c
}

// NewCounterCtor implements service.MetricsExporter.
func (e *exporter) NewCounterCtor(name string, labelKeys ...string) service.MetricsExporterCounterCtor {
	vec := register(e, name, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "See the documentation of ingest."}, labelKeys))
	return func(labelValues ...string) service.MetricsExporterCounter {
		return counter{vec.WithLabelValues(labelValues...)}
	}
}

type counter struct{ c prometheus.Counter }

func (c counter) Incr(n int64)          { c.c.Add(float64(n)) }
func (c counter) IncrFloat64(n float64) { c.c.Add(n) }

// NewGaugeCtor implements service.MetricsExporter.
func (e *exporter) NewGaugeCtor(name string, labelKeys ...string) service.MetricsExporterGaugeCtor {
	vec := register(e, name, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "See the documentation of ingest."}, labelKeys))
	return func(labelValues ...string) service.MetricsExporterGauge {
		return gauge{vec.WithLabelValues(labelValues...)}
	}
}

type gauge struct{ g prometheus.Gauge }

func (g gauge) Set(v int64)          { g.g.Set(float64(v)) }
func (g gauge) SetFloat64(v float64) { g.g.Set(v) }

// NewTimerCtor implements service.MetricsExporter.
func (e *exporter) NewTimerCtor(name string, labelKeys ...string) service.MetricsExporterTimerCtor {
	vec := register(e, name, prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: name, Help: "In nanoseconds."}, labelKeys))
	return func(labelValues ...string) service.MetricsExporterTimer {
		return timer{vec.WithLabelValues(labelValues...)}
	}
}

type timer struct{ o prometheus.Observer }

func (t timer) Timing(nanoseconds int64) { t.o.Observe(float64(nanoseconds)) }

// Close implements service.MetricsExporter.
func (e *exporter) Close(context.Context) error { return nil }
