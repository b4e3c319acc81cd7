package drive

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// statusHeader is where the server says what it would say with the status 308, which
// has another meaning elsewhere.
const statusHeader = "X-Http-Status-Code-Override"

// chunk is the part of an upload that one request carries.
type chunk struct {
	req *http.Request
	// first is the offset of the first byte, end that after the last one.
	first, end int64
	// total is the length of the whole, or * if more is to come.
	total string
}

func parseChunk(req *http.Request) (c chunk, err error) {
	c.req = req
	contentRange := req.Header.Get("Content-Range")
	if _, err = fmt.Sscanf(contentRange, "bytes */%s", &c.total); err == nil {
		// The end of an upload of whole chunks: there is nothing left to send.
		_, err = fmt.Sscan(c.total, &c.end)
		c.first = c.end
		return c, err
	}
	_, err = fmt.Sscanf(contentRange, "bytes %d-%d/%s", &c.first, &c.end, &c.total)
	c.end++
	return c, err
}

// from returns the request for what is left of the chunk at an offset.
func (c *chunk) from(offset int64) (*http.Request, error) {
	req := c.req.Clone(c.req.Context())
	if offset == c.end {
		return withoutBody(req, c.total), nil
	}
	body, err := c.req.GetBody()
	if err == nil {
		// The chunk is in memory.
		_, err = io.CopyN(io.Discard, body, offset-c.first)
	}
	if err != nil {
		return nil, err
	}
	req.Body, req.GetBody = body, nil
	req.ContentLength = c.end - offset
	req.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", offset, c.end-1, c.total))
	return req, nil
}

// status returns the request that asks how far the upload has got.
func (c *chunk) status() *http.Request { return withoutBody(c.req.Clone(c.req.Context()), c.total) }

func withoutBody(req *http.Request, total string) *http.Request {
	req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	req.Header.Set("Content-Range", "bytes */"+total)
	return req
}

// errRewound says that the server no longer has what it has confirmed before.
var errRewound = errors.New("the server lost a part of the upload that it had")

// sendChunk sends a chunk until the server has all of it. A server may keep less
// than it was sent, and after a failure only the server knows how much that is.
func (t *retryTransport) sendChunk(req *http.Request) (*http.Response, error) {
	c, err := parseChunk(req)
	if err != nil {
		return nil, err
	}
	pauses := t.pauses(req.Context())
	next := req
	for has := c.first; ; {
		resp, err := t.next.RoundTrip(next)
		if passing(resp, err) {
			if !pauses.wait() {
				return resp, err
			}
			discard(resp)
			next = c.status()
			continue
		}
		if err != nil || resp.Header.Get(statusHeader) != "308" {
			return resp, err
		}
		now, err := received(resp)
		switch {
		case err == nil && now < c.first:
			err = fmt.Errorf("%w: %d bytes are there, and %d were", errRewound, now, c.first)
		case err == nil && now == c.end && c.total == "*":
			return resp, nil
		case err == nil && now > has:
			has = now
			pauses.reset()
		case err == nil && !pauses.wait():
			err = fmt.Errorf("the server takes no more than the first %d bytes", now)
		}
		discard(resp)
		if err == nil {
			next, err = c.from(now)
		}
		if err != nil {
			return nil, err
		}
	}
}

// received returns how many bytes of an upload the server has.
func received(resp *http.Response) (n int64, err error) {
	has := resp.Header.Get("Range")
	if has == "" {
		return 0, nil
	}
	if _, err = fmt.Sscanf(has, "bytes=0-%d", &n); err != nil {
		return 0, fmt.Errorf("the server says that it has the range %q: %w", has, err)
	}
	return n + 1, nil
}
