package component

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	all, err := b.Acquire(t.Context(), 11)
	require.NoError(t, err, "who asks for more than there is gets all of it")
	_, ok := b.TryAcquire(1)
	assert.False(t, ok)
	all.Shrink(12)
	all.Shrink(4)
	_, ok = b.TryAcquire(7)
	assert.False(t, ok, "more than what was given back")
	six, ok := b.TryAcquire(6)
	assert.True(t, ok)

	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	cancel(ended)
	_, err = b.Acquire(ctx, 1)
	require.ErrorIs(t, err, ended)

	all.Release()
	six.Release()
	_, ok = b.TryAcquire(10)
	assert.True(t, ok, "all came back")
}

func TestPool(t *testing.T) {
	var p Pool
	for _, size := range []int64{0, 1, 4096, 4097, 1 << 20} {
		memory, giveBack := p.Get(size)
		assert.Len(t, memory, int(size))
		giveBack()
	}
}
