// Package finding holds what a check finds: what works, what does not, and what
// is to be done about it.
package finding

import (
	"errors"
	"fmt"
	"strings"
)

// Status of a Finding.
type Status string

const (
	// OK works.
	OK Status = "ok"
	// Note is worth knowing, and no failure.
	Note Status = "note"
	// NotTested could not be tested without a change.
	NotTested Status = "not_tested"
	// Failed does not work.
	Failed Status = "failed"
)

// Finding is what was found in one respect.
type Finding struct {
	// Test says what was tested.
	Test   string `json:"test"`
	Status Status `json:"status"`
	// Text is the problem, or what else is to be said.
	Text string `json:"text,omitempty"`
	// Mend says what to do about it.
	Mend string `json:"fix,omitempty"`
}

// mendable is an error that says what to do about it.
type mendable struct {
	error
	mend string
}

func (e *mendable) Unwrap() error { return e.error }

// Mend says what to do about err. The text of err stays; nil stays nil.
func Mend(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &mendable{err, fmt.Sprintf(format, args...)}
}

// Of is OK where err is nil, and Failed otherwise.
func Of(test string, err error) Finding {
	if err == nil {
		return Finding{Test: test, Status: OK}
	}
	f := Finding{Test: test, Status: Failed, Text: oneLine(err.Error())}
	var m *mendable
	if errors.As(err, &m) {
		f.Mend = m.mend
	}
	return f
}

// oneLine keeps the layout of tables, also where an error is a list.
func oneLine(text string) string {
	text = strings.TrimPrefix(text, "yaml: unmarshal errors:\n")
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}

// Say is a finding of the given status with a text.
func Say(test string, status Status, format string, args ...any) Finding {
	return Finding{Test: test, Status: status, Text: fmt.Sprintf(format, args...)}
}
