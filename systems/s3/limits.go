package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/time/rate"

	"github.com/ingest-bundle/ingest"
)

const (
	fieldBytesPerSecond    = "bytes_per_second"
	fieldRequestsPerSecond = "requests_per_second"

	// burstsPerSecond is how finely a limit is kept.
	burstsPerSecond = 10
	// maxChunk bounds what a transfer takes at a time, before it is the turn of
	// the others.
	maxChunk = 32 << 10
	// waitingTick is how often a transfer that has to wait says that it is not
	// stalled.
	waitingTick = time.Second / 5
)

func limitFields() []*service.ConfigField {
	field := func(name, description string) *service.ConfigField {
		return service.NewIntField(name).Description(description + " 0 is no limit.").Default(0).Advanced().
			LintRule(`root = if this < 0 { [ "0 or more was expected" ] }`)
	}
	return []*service.ConfigField{
		field(fieldBytesPerSecond, "How many bytes this component sends and receives in a second, over all objects, which share it evenly."),
		field(fieldRequestsPerSecond, "How many requests this component makes in a second. Those that look whether the server is there, or tidy up after a failure, are made at once."),
	}
}

// limits bound what a component does in a second. Without one, a limiter is nil.
type limits struct {
	bytes, requests *rate.Limiter
	chunk           int
}

// limitsFromParsed returns nil if nothing is limited.
func limitsFromParsed(conf *service.ParsedConfig) (*limits, error) {
	var bytes, requests int
	for field, into := range map[string]*int{fieldBytesPerSecond: &bytes, fieldRequestsPerSecond: &requests} {
		var err error
		if *into, err = conf.FieldInt(field); err != nil {
			return nil, err
		}
		if *into < 0 {
			return nil, fmt.Errorf("field %s: 0 or more was expected", field)
		}
	}
	if bytes == 0 && requests == 0 {
		return nil, nil
	}
	return newLimits(bytes, requests), nil
}

func newLimits(bytes, requests int) *limits {
	l := &limits{}
	if bytes > 0 {
		burst := max(1, bytes/burstsPerSecond)
		l.bytes = rate.NewLimiter(rate.Limit(bytes), burst)
		l.chunk = min(burst, maxChunk)
	}
	if requests > 0 {
		l.requests = rate.NewLimiter(rate.Limit(requests), max(1, requests/burstsPerSecond))
	}
	return l
}

// wait waits for the turn of n bytes or requests, in the order of the calls. To wait
// is no stall.
func wait(ctx context.Context, limiter *rate.Limiter, n int) error {
	turn := limiter.ReserveN(time.Now(), n)
	left := turn.Delay()
	if left == 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	ticker := time.NewTicker(waitingTick)
	defer ticker.Stop()
	for {
		select {
		case <-timer.C:
			ingest.Progress(ctx)
			return nil
		case <-ticker.C:
			ingest.Progress(ctx)
		case <-ctx.Done():
			turn.Cancel()
			return context.Cause(ctx)
		}
	}
}

type unlimitedKey struct{}

// unlimited exempts the requests of the context from the limits: those with a
// deadline of their own, which tell whether the server is there, or tidy up.
func unlimited(ctx context.Context) context.Context {
	return context.WithValue(ctx, unlimitedKey{}, true)
}

// limitedTransport keeps the limits.
type limitedTransport struct {
	limits *limits
	next   http.RoundTripper
}

func (t *limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if ctx.Value(unlimitedKey{}) != nil {
		return t.next.RoundTrip(req)
	}
	if t.limits.requests != nil {
		if err := wait(ctx, t.limits.requests, 1); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	if t.limits.bytes == nil {
		return t.next.RoundTrip(req)
	}
	if req.Body != nil && req.Body != http.NoBody {
		req = req.WithContext(ctx)
		req.Body = &limitedBody{ctx: ctx, limits: t.limits, ReadCloser: req.Body}
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ctx: ctx, limits: t.limits, ReadCloser: resp.Body}
	return resp, nil
}

// closeBody does what a transport must do with a request that it does not send.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// limitedBody is read in small pieces, each of which waits for its turn.
type limitedBody struct {
	ctx    context.Context
	limits *limits
	io.ReadCloser
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.limits.chunk)])
	if n > 0 {
		if waited := wait(b.ctx, b.limits.bytes, n); waited != nil {
			return n, waited
		}
	}
	return n, err
}
