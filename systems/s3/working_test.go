package s3

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ingest-bundle/ingest"
)

// A server is given time for what it does by itself, and no more than that.
func TestServerAtWorkIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, stop := ingest.WithStallTimeout(t.Context(), 10*time.Second)
		defer stop()
		defer working(ctx, 100*slowestServer)()
		<-ctx.Done()
		assert.IsType(t, &ingest.StallError{}, context.Cause(ctx))
		assert.InDelta(t, 110, time.Since(start).Seconds(), 3)
	})
}
