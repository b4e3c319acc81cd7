package s3

import (
	"context"
	"time"

	"github.com/ingest-bundle/ingest"
)

// slowestServer is how many bytes a server that works without a word, on a copy or
// on the completion of an upload, is expected to get done in a second.
const slowestServer = 4 << 20

// working reports progress while a server works on so many bytes, for as long as
// that may take, until the function that is returned is called.
func working(ctx context.Context, size int64) (stop func()) {
	seconds := size / slowestServer
	if seconds == 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	go func() {
		ticker := time.NewTicker(waitingTick)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				ingest.Progress(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return cancel
}
