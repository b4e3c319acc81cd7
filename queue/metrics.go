package queue

import (
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// metrics holds what the queue counts, and what a subscription watches. Without
// resources it does neither.
type metrics struct {
	operations                            *service.MetricCounter
	pending, taken, deadLetters, inOutage *service.MetricGauge
}

func newMetrics(res *service.Resources) *metrics {
	if res == nil {
		return &metrics{}
	}
	m := res.Metrics()
	return &metrics{
		operations:  m.NewCounter("ingest_queue_operations_total", "operation", "result"),
		pending:     m.NewGauge("ingest_queue_pending"),
		taken:       m.NewGauge("ingest_queue_taken"),
		deadLetters: m.NewGauge("ingest_queue_dead_letters"),
		inOutage:    m.NewGauge("ingest_queue_outage"),
	}
}

func (m *metrics) count(operation string, err error) {
	if err != nil {
		m.result(operation, "error")
		return
	}
	m.result(operation, "success")
}

func (m *metrics) result(operation, result string) {
	m.operations.Incr(1, operation, result)
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
