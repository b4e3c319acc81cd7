package component

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Results are the values of the label result that every operation has.
var Results = []string{"success", "error"}

// Result is the value of the label result for an operation that ended with err.
func Result(err error) string {
	if err != nil {
		return "error"
	}
	return "success"
}

// Counter is a service.MetricCounter of at most two labels for what happens many
// thousand times a second: the engine looks a series up by its labels each time,
// once for every exporter, so what is counted is gathered, and told after at most
// tellAfter.
type Counter struct {
	counter *service.MetricCounter
	series  gathered[int64]
}

// NewCounter registers a counter.
func NewCounter(name string, m *service.Metrics, labelKeys ...string) *Counter {
	return &Counter{counter: m.NewCounter(name, labelKeys...)}
}

// Incr adds to the series of the label values. A nil Counter counts nothing.
func (c *Counter) Incr(n int64, labelValues ...string) {
	if c == nil {
		return
	}
	c.series.update(labelValues, func(sum *int64) { *sum += n }, func(labels []string, sum *int64) {
		c.counter.Incr(*sum, labels...)
	})
}

// Zero makes the counter tell of combinations of label values before they first
// occur: a rate sees no first step from nothing to one. There is a list of values
// for each label.
func (c *Counter) Zero(values ...[]string) {
	if c != nil {
		c.zero(nil, values)
	}
}

func (c *Counter) zero(chosen []string, values [][]string) {
	if len(values) == 0 {
		c.counter.Incr(0, chosen...)
		return
	}
	for _, v := range values[0] {
		c.zero(append(append([]string{}, chosen...), v), values[1:])
	}
}

// tellAfter is how long what was counted may wait to be told.
const tellAfter = 100 * time.Millisecond

// gathered holds what was not yet told, for each combination of label values.
type gathered[T any] struct {
	mu     sync.Mutex
	series map[[2]string]*T
}

// update changes the series of the label values, and has all series told soon.
func (g *gathered[T]) update(labelValues []string, change func(*T), tell func([]string, *T)) {
	var key [2]string
	copy(key[:], labelValues)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.series == nil {
		g.series = map[[2]string]*T{}
		n := len(labelValues)
		untold.soon(func() { g.flush(n, tell) })
	}
	s, ok := g.series[key]
	if !ok {
		s = new(T)
		g.series[key] = s
	}
	change(s)
}

func (g *gathered[T]) flush(labels int, tell func([]string, *T)) {
	g.mu.Lock()
	series := g.series
	g.series = nil
	g.mu.Unlock()
	for key, s := range series {
		tell(key[:labels], s)
	}
}

// untold are the series of the whole process that wait to be told.
var untold waiting

type waiting struct {
	mu sync.Mutex
	// tells has what is to be called, and what calls it.
	tells map[*time.Timer]func()
	// telling is held by those who do.
	telling sync.RWMutex
}

// soon has f called.
func (w *waiting) soon(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tells == nil {
		w.tells = map[*time.Timer]func(){}
	}
	var timer *time.Timer
	timer = time.AfterFunc(tellAfter, func() {
		w.telling.RLock()
		defer w.telling.RUnlock()
		w.mu.Lock()
		delete(w.tells, timer)
		w.mu.Unlock()
		f()
	})
	w.tells[timer] = f
}

// TellCounters has all that was counted told before it returns, at the end of a run.
func TellCounters() {
	untold.mu.Lock()
	tells := untold.tells
	untold.tells = nil
	untold.mu.Unlock()
	for timer, tell := range tells {
		timer.Stop()
		tell()
	}
	untold.telling.Lock()
	defer untold.telling.Unlock()
}
