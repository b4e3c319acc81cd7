package component

import (
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

// Zero makes a counter tell of combinations of label values before they first
// occur: a rate sees no first step from nothing to one. There is a list of values
// for each label.
func Zero(c *service.MetricCounter, values ...[]string) {
	if len(values) == 0 {
		c.Incr(0)
		return
	}
	zero(c, nil, values)
}

func zero(c *service.MetricCounter, chosen []string, values [][]string) {
	if len(values) == 0 {
		c.Incr(0, chosen...)
		return
	}
	for _, v := range values[0] {
		zero(c, append(append([]string{}, chosen...), v), values[1:])
	}
}
