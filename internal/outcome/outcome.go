// Package outcome remembers, for the whole process, whether something failed
// that no retry can mend, so that a run that ends by itself can say so with its
// exit code.
package outcome

import (
	"sync"
)

var (
	mu     sync.Mutex
	first  error
	number int
)

// Fail records a failure.
func Fail(err error) {
	mu.Lock()
	defer mu.Unlock()
	if first == nil {
		first = err
	}
	number++
}

// Failures returns the first failure, and how many there were.
func Failures() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	return number, first
}
