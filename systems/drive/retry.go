package drive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/api/googleapi"
)

const (
	// tries is small: what fails longer is given back to the queue, which
	// waits better.
	tries = 4
	// maxErrorBody bounds what is read of an error's text.
	maxErrorBody = 64 << 10
)

// retryTransport sends requests again that failed for reasons that pass. Every
// request that this package makes can be sent twice: files are created with IDs
// that were reserved before. Chunks of uploads go on where the server has got to.
type retryTransport struct {
	next http.RoundTripper
	// first is how long the first pause is.
	first time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *retryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Content-Range") != "" {
		return t.sendChunk(req)
	}
	req, err := replayable(req)
	if err != nil {
		return nil, err
	}
	pauses := t.pauses(req.Context())
	for {
		resp, err := t.next.RoundTrip(req)
		if !passing(resp, err) || !pauses.wait() {
			return resp, err
		}
		discard(resp)
		req = req.Clone(req.Context())
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// replayable returns a request whose body can be had again. Content comes so from
// the client library; what does not is a few lines of JSON.
func replayable(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.GetBody != nil {
		return req, nil
	}
	content, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	req.Body, err = req.GetBody()
	return req, err
}

// pauses counts the tries of a request, and waits in between.
type pauses struct {
	ctx   context.Context
	left  int
	times *backoff.ExponentialBackOff
}

func (t *retryTransport) pauses(ctx context.Context) *pauses {
	return &pauses{ctx: ctx, left: tries - 1, times: backoff.NewExponentialBackOff(backoff.WithInitialInterval(t.first), backoff.WithMultiplier(2))}
}

// wait reports whether there is another try.
func (p *pauses) wait() bool {
	if p.left <= 0 {
		return false
	}
	p.left--
	timer := time.NewTimer(p.times.NextBackOff())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// reset begins to count anew, since the transfer has got on.
func (p *pauses) reset() {
	p.left = tries - 1
	p.times.Reset()
}

// passing reports whether the request may succeed when it is sent again.
func passing(resp *http.Response, err error) bool {
	switch {
	case err != nil:
		return !errors.Is(err, context.Canceled) && !refusesCredentials(err)
	case resp.StatusCode == http.StatusForbidden:
		var answer *googleapi.Error
		return errors.As(peek(resp), &answer) && hasReason(answer, rateReasons)
	}
	return resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout
}

// peek returns the error that a response is, and leaves the response to be read.
func peek(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return googleapi.CheckResponseWithBody(resp, body)
}

// discard makes the connection of an answer that nobody wants free again.
func discard(resp *http.Response) {
	if resp != nil {
		_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
		_ = resp.Body.Close()
	}
}
