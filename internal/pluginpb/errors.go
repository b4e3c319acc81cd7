package pluginpb

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ingest-bundle/ingest"
)

// ErrNotImplemented says that a plugin does not do what was asked of it.
var ErrNotImplemented = errors.New("not implemented")

// maxErrorText bounds the text of an error in bytes: it travels in a header.
const maxErrorText = 4 << 10

// FromError returns the status for an error, with its kinds; nil for nil.
func FromError(err error) error {
	if err == nil {
		return nil
	}
	text := ErrorText(err)
	st, detailErr := status.New(codes.Unknown, text).WithDetails(&Failure{Kinds: kindsOf(err)})
	if detailErr != nil {
		return status.Error(codes.Unknown, text)
	}
	return st.Err()
}

// ErrorText returns the text of an error as a message can carry it.
func ErrorText(err error) string {
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

func kindsOf(err error) (kinds []Failure_Kind) {
	for _, k := range []struct {
		kind Failure_Kind
		is   bool
	}{
		{Failure_KIND_NOT_FOUND, errors.Is(err, ingest.ErrNotFound)},
		{Failure_KIND_MISCONFIGURED, errors.Is(err, ingest.ErrMisconfigured)},
		{Failure_KIND_OUTAGE, errors.Is(err, ingest.ErrOutage)},
		{Failure_KIND_CHANGED, errors.Is(err, ingest.ErrChanged)},
		{Failure_KIND_DENIED, errors.Is(err, ingest.ErrDenied)},
		{Failure_KIND_NOT_TESTED, errors.Is(err, ingest.ErrNotTested)},
		{Failure_KIND_NOT_IMPLEMENTED, errors.Is(err, ErrNotImplemented)},
		// Not errors.Is: one permanent error among others is not permanent.
		{Failure_KIND_PERMANENT, ingest.KindOf(err) == ingest.KindPermanent},
	} {
		if k.is {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// ToError returns the error that a call ended with, with the kinds that it had in
// the plugin. It reports false if the error is not one that the plugin gave, but
// one of the connection.
func ToError(err error) (given bool, _ error) {
	st, ok := status.FromError(err)
	if !ok {
		return false, err
	}
	for _, detail := range st.Details() {
		if failure, ok := detail.(*Failure); ok {
			return true, withKinds(errors.New(st.Message()), failure.GetKinds())
		}
	}
	if st.Code() == codes.Unimplemented {
		return true, ingest.Permanent(fmt.Errorf("%w: %s", ErrNotImplemented, st.Message()))
	}
	return false, err
}

func withKinds(err error, kinds []Failure_Kind) error {
	for _, kind := range kinds {
		switch kind {
		case Failure_KIND_NOT_FOUND:
			err = ingest.NotFound(err)
		case Failure_KIND_MISCONFIGURED:
			err = ingest.Misconfigured(err)
		case Failure_KIND_OUTAGE:
			err = ingest.Outage(err)
		case Failure_KIND_CHANGED:
			err = ingest.Changed(err)
		case Failure_KIND_DENIED:
			err = &marked{error: err, mark: ingest.ErrDenied}
		case Failure_KIND_NOT_TESTED:
			err = &marked{error: err, mark: ingest.ErrNotTested}
		case Failure_KIND_NOT_IMPLEMENTED:
			err = ingest.Permanent(&marked{error: err, mark: ErrNotImplemented})
		case Failure_KIND_PERMANENT:
			err = ingest.Permanent(err)
		}
	}
	return err
}

// marked is an error that is also another one, whose text it has already.
type marked struct {
	error
	mark error
}

func (m *marked) Is(target error) bool { return target == m.mark }
func (m *marked) Unwrap() error        { return m.error }
