package component

import (
	"context"
	"errors"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestAttemptContext(t *testing.T) {
	lost := errors.New("lease lost")
	attempt, lose := context.WithCancelCause(t.Context())
	msg := service.NewMessageWithContext(attempt, nil)
	ctx, cancel := AttemptContext(t.Context(), msg)
	defer cancel()
	require.NoError(t, ctx.Err())
	lose(lost)
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), lost)

	late, cancel := AttemptContext(t.Context(), msg)
	defer cancel()
	require.ErrorIs(t, context.Cause(late), lost, "what is lost already is not begun")
}

func TestAttemptContextEndsWithTheEngine(t *testing.T) {
	engine, stop := context.WithCancel(t.Context())
	ctx, cancel := AttemptContext(engine, service.NewMessage(nil))
	defer cancel()
	stop()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

func TestStallCause(t *testing.T) {
	stall := &ingest.StallError{}
	stalled, cancel := context.WithCancelCause(t.Context())
	cancel(stall)
	assert.Equal(t, stall, StallCause(stalled, context.Canceled))
	assert.NoError(t, StallCause(stalled, nil))
	assert.Equal(t, context.Canceled, StallCause(t.Context(), context.Canceled))
}

// probed is a system that is there, or not.
type probed struct{ err error }

func (p probed) TestConnection(context.Context) error { return p.err }

// A system that hangs as a whole is an outage; one that answers has only stalled
// with this object, which costs an attempt.
func TestStallOfASystemThatIsGoneIsAnOutage(t *testing.T) {
	stalled, cancel := context.WithCancelCause(t.Context())
	cancel(&ingest.StallError{})
	gone, there := probed{errors.New("no answer")}, probed{}

	err := StallCause(stalled, context.Canceled, there, gone)
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err))
	err = StallCause(stalled, context.Canceled, there, "cannot tell")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
	require.NotErrorIs(t, err, context.Canceled)

	other := errors.New("other")
	assert.Equal(t, other, StallCause(t.Context(), other, gone), "nothing stalled")
	require.NoError(t, StallCause(stalled, nil, gone), "it got through")
}
