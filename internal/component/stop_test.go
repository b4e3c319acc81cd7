package component

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStopIsToldWhenAllInputsAreToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := StopOf(service.MockResources())
		first, stopFirst := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		var before []bool
		note := func() { before = append(before, s.Stopping()) }
		s.Input().Watch(first, note)
		s.Input().Watch(second, note)
		late := s.Input()
		ctx, cancel := s.Context(t.Context())
		defer cancel()

		stopFirst()
		synctest.Wait()
		require.NoError(t, ctx.Err(), "the other input goes on")
		stopSecond()
		synctest.Wait()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		assert.True(t, s.Stopping())
		assert.Equal(t, []bool{false, false}, before, "inputs hear of it before the outputs")

		late.Watch(second, note)
		synctest.Wait()
		assert.True(t, s.Stopping(), "it is told what the others are")

		s.Input()
		assert.False(t, s.Stopping(), "the stream begins anew")
	})
}

// An input that has read everything ends. What it read is still on its way.
func TestInputThatEndsStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := StopOf(service.MockResources())
		ctx, cancel := context.WithCancel(t.Context())
		ended := s.Input()
		ended.Watch(ctx, func() {})
		ended.Close()
		ended.Close()
		cancel()
		synctest.Wait()
		assert.False(t, s.Stopping())

		ctx, cancel = context.WithCancel(t.Context())
		s.Input().Watch(ctx, func() {})
		cancel()
		synctest.Wait()
		assert.True(t, s.Stopping(), "the one that ended does not count any more")
	})
}

func TestComponentsOfAStreamHaveOneStop(t *testing.T) {
	res := service.MockResources()
	assert.Same(t, StopOf(res), StopOf(res))
}
