package ingest_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestStallCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, stop := ingest.WithStallTimeout(t.Context(), time.Minute)
		defer stop()
		<-ctx.Done()
		var stall *ingest.StallError
		require.ErrorAs(t, context.Cause(ctx), &stall)
		assert.Equal(t, time.Minute, stall.Timeout)
		assert.Contains(t, stall.Error(), "1m0s")
		assert.Equal(t, ingest.KindTransient, ingest.KindOf(stall), "a stall costs an attempt")
		took := time.Since(start)
		assert.GreaterOrEqual(t, took, time.Minute)
		assert.LessOrEqual(t, took, 75*time.Second, "at most a quarter late")
	})
}

func TestProgressPreventsTheStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := ingest.WithStallTimeout(t.Context(), time.Minute)
		defer stop()
		moving := time.NewTicker(50 * time.Second)
		defer moving.Stop()
		for range 20 {
			<-moving.C
			require.NoError(t, ctx.Err())
			ingest.Progress(ctx)
		}
		start := time.Now()
		<-ctx.Done()
		assert.GreaterOrEqual(t, time.Since(start), time.Minute, "the clock starts with the last progress")
	})
}

func TestProgressReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := ingest.WithStallTimeout(t.Context(), time.Minute)
		defer stop()
		r := ingest.ProgressReader(ctx, strings.NewReader(strings.Repeat("x", 10)))
		moving := time.NewTicker(50 * time.Second)
		defer moving.Stop()
		for range 10 {
			<-moving.C
			n, err := r.Read(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.NoError(t, ctx.Err())
		}
		// Reading nothing is no progress.
		for ctx.Err() == nil {
			<-moving.C
			_, err := r.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		}
	})
}

func TestNoStallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := ingest.WithStallTimeout(t.Context(), 0)
		select {
		case <-ctx.Done():
			t.Fatal("0 means no limit")
		case <-time.After(24 * time.Hour):
		}
		ingest.Progress(ctx)
		stop()
		require.ErrorIs(t, context.Cause(ctx), context.Canceled)
	})
}

func TestStallKeepsTheParentsCause(t *testing.T) {
	parent, cancel := context.WithCancelCause(t.Context())
	ctx, stop := ingest.WithStallTimeout(parent, time.Hour)
	defer stop()
	cancel(ingest.ErrOutage)
	require.ErrorIs(t, context.Cause(ctx), ingest.ErrOutage)
}
