package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestKindOf(t *testing.T) {
	var (
		plain         = errors.New("plain")
		permanent     = ingest.Permanent(errors.New("permanent"))
		outage        = ingest.Outage(errors.New("outage"))
		misconfigured = ingest.Misconfigured(errors.New("misconfigured"))
		changed       = ingest.Changed(errors.New("changed"))
		notFound      = ingest.NotFound(errors.New("not found"))
	)
	wrap := func(err error) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)) }
	for name, tc := range map[string]struct {
		err  error
		want ingest.Kind
	}{
		"nothing":                          {nil, ingest.KindTransient},
		"plain":                            {plain, ingest.KindTransient},
		"not found":                        {notFound, ingest.KindTransient},
		"cancelled":                        {context.Canceled, ingest.KindTransient},
		"already queued":                   {ingest.ErrAlreadyQueued, ingest.KindTransient},
		"permanent":                        {permanent, ingest.KindPermanent},
		"permanent sentinel":               {ingest.ErrPermanent, ingest.KindPermanent},
		"permanent wrapped":                {wrap(permanent), ingest.KindPermanent},
		"permanent sentinel wrapped":       {wrap(ingest.ErrPermanent), ingest.KindPermanent},
		"permanent around another kind":    {ingest.Permanent(notFound), ingest.KindPermanent},
		"another kind around permanent":    {ingest.NotFound(permanent), ingest.KindPermanent},
		"permanent around plain wrapped":   {ingest.Permanent(wrap(plain)), ingest.KindPermanent},
		"outage":                           {outage, ingest.KindOutage},
		"outage wrapped":                   {wrap(outage), ingest.KindOutage},
		"misconfigured is an outage":       {misconfigured, ingest.KindOutage},
		"misconfigured sentinel":           {ingest.ErrMisconfigured, ingest.KindOutage},
		"changed":                          {changed, ingest.KindChanged},
		"changed wrapped":                  {wrap(changed), ingest.KindChanged},
		"all joined are permanent":         {errors.Join(permanent, wrap(permanent)), ingest.KindPermanent},
		"one joined is permanent":          {errors.Join(permanent), ingest.KindPermanent},
		"a nil among permanent":            {errors.Join(nil, permanent), ingest.KindPermanent},
		"permanent and plain":              {errors.Join(permanent, plain), ingest.KindTransient},
		"plain and permanent, wrapped":     {wrap(errors.Join(plain, permanent)), ingest.KindTransient},
		"permanent and outage":             {errors.Join(permanent, outage), ingest.KindOutage},
		"permanent and changed":            {errors.Join(permanent, changed), ingest.KindChanged},
		"outage and changed":               {errors.Join(outage, changed), ingest.KindChanged},
		"outage and plain":                 {errors.Join(outage, plain), ingest.KindOutage},
		"joins in joins, all permanent":    {errors.Join(errors.Join(permanent, permanent), wrap(permanent)), ingest.KindPermanent},
		"joins in joins, one plain":        {errors.Join(errors.Join(permanent, plain), wrap(permanent)), ingest.KindTransient},
		"two wrapped by fmt, both":         {fmt.Errorf("%w, %w", permanent, permanent), ingest.KindPermanent},
		"two wrapped by fmt, one is plain": {fmt.Errorf("%w, %w", permanent, plain), ingest.KindTransient},
		// The verb is the same as for two destinations, so it is read the same.
		"sentinel beside a plain cause": {fmt.Errorf("%w: %w", ingest.ErrPermanent, plain), ingest.KindTransient},
		// Marking the whole is a statement on the whole.
		"a join that is marked": {ingest.Permanent(errors.Join(plain, outageless)), ingest.KindPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, ingest.KindOf(tc.err))
		})
	}
}

var outageless = errors.New("another plain one")

func TestMarksKeepTextAndCause(t *testing.T) {
	for name, tc := range map[string]struct {
		mark func(error) error
		kind error
	}{
		"NotFound":      {ingest.NotFound, ingest.ErrNotFound},
		"Permanent":     {ingest.Permanent, ingest.ErrPermanent},
		"Outage":        {ingest.Outage, ingest.ErrOutage},
		"Misconfigured": {ingest.Misconfigured, ingest.ErrMisconfigured},
		"Changed":       {ingest.Changed, ingest.ErrChanged},
		"LeftOut":       {ingest.LeftOut, ingest.ErrLeftOut},
	} {
		t.Run(name, func(t *testing.T) {
			cause := errors.New("the cause")
			err := tc.mark(cause)
			require.ErrorIs(t, err, tc.kind)
			require.ErrorIs(t, err, cause)
			assert.Equal(t, "the cause", err.Error())
			assert.NoError(t, tc.mark(nil), "nil stays nil")
			assert.Same(t, err, tc.mark(err), "a mark is set once")
		})
	}
}

func TestOutageIsNotMisconfigured(t *testing.T) {
	assert.NotErrorIs(t, ingest.Outage(errors.New("down")), ingest.ErrMisconfigured)
	assert.ErrorIs(t, ingest.Misconfigured(errors.New("wrong key")), ingest.ErrOutage)
}
