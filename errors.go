package ingest

import (
	"errors"
	"fmt"
)

// The kinds of errors that decide what becomes of a message. An error without a
// kind is transient: it costs an attempt and is tried again.
var (
	// ErrNotFound says that the element does not exist, in a container (a
	// bucket, a folder) that was seen to exist. A source's ErrNotFound is
	// no failure: the element vanished, and there is nothing to move.
	ErrNotFound = errors.New("not found")
	// ErrPermanent says that no later attempt can succeed: the message goes
	// to the dead letters at once.
	ErrPermanent = errors.New("permanent failure")
	// ErrOutage says that a system failed, not the element: the endpoint is
	// down, overloaded, or refuses the credentials. Consumption pauses, and
	// the element's retry budget is not touched.
	ErrOutage = errors.New("outage")
	// ErrMisconfigured says that a system answered, and refused what the
	// configuration says: the credentials are wrong, or the bucket does not
	// exist. It is an ErrOutage too.
	ErrMisconfigured = fmt.Errorf("refused configuration: %w", ErrOutage)
	// ErrChanged says that the source has moved on from the version that
	// this attempt pinned. The message goes back at once, and the next
	// attempt copies the newer version.
	ErrChanged = errors.New("source object changed")
	// ErrLeftOut says that a listing cannot show something that it knows is
	// there. The listing goes on after it, and the next one tries again.
	ErrLeftOut = errors.New("left out")
	// ErrAlreadyQueued is returned by Queue.Publish when a message for the
	// same element is pending or in flight.
	ErrAlreadyQueued = errors.New("already queued")
)

// kindError gives err a kind without changing its text.
type kindError struct {
	kind, err error
}

func (e *kindError) Error() string   { return e.err.Error() }
func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

func withKind(kind, err error) error {
	if err == nil || errors.Is(err, kind) {
		return err
	}
	return &kindError{kind: kind, err: err}
}

// NotFound marks err as ErrNotFound; nil stays nil.
func NotFound(err error) error { return withKind(ErrNotFound, err) }

// Permanent marks err as ErrPermanent; nil stays nil.
func Permanent(err error) error { return withKind(ErrPermanent, err) }

// Outage marks err as ErrOutage; nil stays nil.
func Outage(err error) error { return withKind(ErrOutage, err) }

// Misconfigured marks err as ErrMisconfigured; nil stays nil.
func Misconfigured(err error) error { return withKind(ErrMisconfigured, err) }

// Changed marks err as ErrChanged; nil stays nil.
func Changed(err error) error { return withKind(ErrChanged, err) }

// LeftOut marks err as ErrLeftOut; nil stays nil.
func LeftOut(err error) error { return withKind(ErrLeftOut, err) }

// Kind is what a failed attempt as a whole means for its message.
type Kind int

const (
	// KindTransient costs one attempt of the budget.
	KindTransient Kind = iota
	// KindPermanent sends the message to the dead letters.
	KindPermanent
	// KindOutage pauses consumption and costs nothing.
	KindOutage
	// KindChanged starts over at once and costs nothing.
	KindChanged
)

// KindOf classifies err, which may join the errors of several destinations. A
// changed source wins, since the attempt is void; then an outage, since the
// other failures can be judged only once everything is reachable; the whole is
// permanent only if every joined error is.
func KindOf(err error) Kind {
	switch {
	case errors.Is(err, ErrChanged):
		return KindChanged
	case errors.Is(err, ErrOutage):
		return KindOutage
	case allPermanent(err):
		return KindPermanent
	}
	return KindTransient
}

func allPermanent(err error) bool {
	if kinded, ok := err.(*kindError); ok { //nolint:errorlint // walking the tree by hand, a level at a time
		return kinded.kind == ErrPermanent || allPermanent(kinded.err) //nolint:errorlint // a kind is one of the sentinels
	}
	if err == ErrPermanent { //nolint:errorlint // the sentinel itself ends the walk
		return true
	}
	switch wrapped := err.(type) { //nolint:errorlint // walking the tree by hand, a level at a time
	case interface{ Unwrap() []error }:
		joined := wrapped.Unwrap()
		for _, e := range joined {
			if !allPermanent(e) {
				return false
			}
		}
		return len(joined) > 0
	case interface{ Unwrap() error }:
		return allPermanent(wrapped.Unwrap())
	}
	return false
}
