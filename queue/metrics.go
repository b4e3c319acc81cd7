package queue

import (
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest/internal/component"
)

// metrics holds what the queue counts, and what a subscription watches. Without
// resources it does neither.
type metrics struct {
	operations, attempts                  *component.Counter
	pending, taken, deadLetters, inOutage *service.MetricGauge
	redelivered                           *service.MetricGauge
}

func newMetrics(res *service.Resources) *metrics {
	if res == nil {
		return &metrics{}
	}
	m := res.Metrics()
	operations := component.NewCounter("ingest_queue_operations_total", m, "operation", "result")
	operations.Zero([]string{"publish", "pop"}, component.Results)
	return &metrics{
		operations:  operations,
		attempts:    component.NewCounter("ingest_dequeue_attempts_total", m, "result"),
		pending:     m.NewGauge("ingest_queue_pending"),
		taken:       m.NewGauge("ingest_queue_taken"),
		deadLetters: m.NewGauge("ingest_queue_dead_letters"),
		inOutage:    m.NewGauge("ingest_queue_outage"),
		redelivered: m.NewGauge("ingest_queue_redelivered"),
	}
}

func (m *metrics) count(operation string, err error) {
	m.result(operation, component.Result(err))
}

func (m *metrics) result(operation, result string) {
	m.operations.Incr(1, operation, result)
}

// attempt counts what became of a message.
func (m *metrics) attempt(err error) {
	m.attempts.Incr(1, component.Result(err))
}

func (m *metrics) outage(on bool) {
	if on {
		m.inOutage.Set(1)
		return
	}
	m.inOutage.Set(0)
}

// onOff is a state whose changes are told once, however many see them.
type onOff struct{ on atomic.Bool }

// switchTo reports whether this call made the change.
func (o *onOff) switchTo(on bool) bool { return o.on.CompareAndSwap(!on, on) }
