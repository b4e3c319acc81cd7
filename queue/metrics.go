package queue

import (
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// metrics holds what the queue counts. Without resources it counts nothing.
type metrics struct {
	operations *service.MetricCounter
}

func newMetrics(res *service.Resources) *metrics {
	m := &metrics{}
	if res != nil {
		m.operations = res.Metrics().NewCounter("ingest_queue_operations_total", "operation", "result")
	}
	return m
}

func (m *metrics) count(operation string, err error) {
	if err != nil {
		m.result(operation, "error")
		return
	}
	m.result(operation, "success")
}

func (m *metrics) result(operation, result string) {
	if m.operations != nil {
		m.operations.Incr(1, operation, result)
	}
}

// onOff is a state whose changes are told once, however many see them.
type onOff struct{ on atomic.Bool }

// switchTo reports whether this call made the change.
func (o *onOff) switchTo(on bool) bool { return o.on.CompareAndSwap(!on, on) }
