// Package component holds what the Benthos components of several packages share.
package component

import (
	"github.com/redpanda-data/benthos/v4/public/service"
)

// TestResult is the result of a connection test that ended with err.
func TestResult(err error) service.ConnectionTestResults {
	if err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
