package ingest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

type finisher func() error

func (f finisher) Finish(context.Context) error { return f() }

func TestSettlement(t *testing.T) {
	ctx, s := ingest.WithSettlement(t.Context())
	msg := service.NewMessageWithContext(ctx, []byte("x"))
	of, ok := ingest.SettlementOf(msg.Copy())
	require.True(t, ok, "copies belong to the same message")
	require.Same(t, s, of)
	_, ok = ingest.SettlementOf(service.NewMessage(nil))
	assert.False(t, ok)
	require.NoError(t, s.Finish(t.Context()), "nobody has anything to finish")

	var order []string
	broken := errors.New("broken")
	join := func(owner string, err error) ingest.Finisher {
		return s.Join(owner, func() ingest.Finisher {
			return finisher(func() error { order = append(order, owner); return err })
		})
	}
	join("first", nil)
	join("second", broken)
	join("third", nil)
	join("first", broken)
	require.ErrorIs(t, s.Finish(t.Context()), broken)
	assert.Equal(t, []string{"first", "second"}, order, "each owner once, until one fails")
}
