package s3

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxDirectBody is what the buffers of two sockets take: the answer is not read while
// the body is sent, and may come before a server has read all of it.
const maxDirectBody = 64 << 10

// directTransport makes each request in the goroutine of its caller. net/http's
// transport hands every request, and every answer, to two goroutines of its
// connection, which costs as much as all else about a small object.
type directTransport struct {
	// next is for all that is not a small HTTP/1.1 request to the server itself. Its
	// settings hold here, too.
	next *http.Transport
	idle idleConns
}

func newDirectTransport(next *http.Transport) *directTransport {
	return &directTransport{next: next, idle: idleConns{timeout: next.IdleConnTimeout}}
}

// RoundTrip implements http.RoundTripper.
func (t *directTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.takes(req) {
		return t.next.RoundTrip(req)
	}
	ctx := req.Context()
	if err := context.Cause(ctx); err != nil {
		closeBody(req)
		return nil, err
	}
	conn := t.idle.take(req.URL.Host)
	if conn == nil {
		var err error
		if conn, err = t.dial(ctx, req); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	e := &exchange{ctx: ctx, conn: conn, idle: &t.idle}
	e.watch()
	resp, err := conn.exchange(req)
	if err != nil {
		e.end(false)
		return nil, e.explain(err)
	}
	e.keep = !req.Close && !resp.Close
	if resp.Body == http.NoBody {
		e.end(true)
		return resp, nil
	}
	e.Reader, resp.Body = resp.Body, e
	return resp, nil
}

func (t *directTransport) takes(req *http.Request) bool {
	if req.ContentLength < 0 || req.ContentLength > maxDirectBody || !connectionsCanBeChecked {
		return false
	}
	if t.next.Proxy != nil {
		if proxy, err := t.next.Proxy(req); err != nil || proxy != nil {
			return false
		}
	}
	return true
}

func (t *directTransport) dial(ctx context.Context, req *http.Request) (*directConn, error) {
	host, port := req.URL.Hostname(), req.URL.Port()
	secure := req.URL.Scheme == "https"
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	socket, err := t.next.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	c := &directConn{host: req.URL.Host, socket: socket, Conn: socket}
	if secure {
		config := t.next.TLSClientConfig.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" {
			config.ServerName = host
		}
		encrypted := tls.Client(socket, config)
		ctx, cancel := context.WithTimeout(ctx, t.next.TLSHandshakeTimeout)
		defer cancel()
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = socket.Close()
			return nil, err
		}
		c.Conn = encrypted
	}
	c.r = bufio.NewReaderSize(&c.in, t.next.ReadBufferSize)
	c.w = bufio.NewWriterSize(c.Conn, t.next.WriteBufferSize)
	c.in.r = c.Conn
	return c, nil
}

// directConn is a connection to a server.
type directConn struct {
	net.Conn
	host string
	// socket is what Conn is based on.
	socket net.Conn
	in     boundedReader
	r      *bufio.Reader
	w      *bufio.Writer
	since  time.Time
}

// exchange sends the request and reads the head of the answer.
func (c *directConn) exchange(req *http.Request) (*http.Response, error) {
	sent := req.Write(c.w)
	if sent == nil {
		sent = c.w.Flush()
	}
	// A server that does not want the body may have said so, and hung up.
	c.in.left = maxHeader
	for {
		resp, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, cmp.Or(sent, err)
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			c.in.left = -1
			return resp, nil
		}
	}
}

// boundedReader reads no more than is left; all, if that is negative.
type boundedReader struct {
	r    io.Reader
	left int64
}

var errHeadTooLarge = errors.New("the headers of the answer are larger than what is read of them")

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return b.r.Read(p)
	}
	if b.left == 0 {
		return 0, errHeadTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// exchange is the body of an answer, whose end gives the connection back.
type exchange struct {
	io.Reader
	ctx  context.Context
	conn *directConn
	idle *idleConns
	keep bool

	mu            sync.Mutex
	ended, closed bool
	// stop ends the watch.
	stop func() bool
}

// watch ends the exchange with its context, also where nobody reads.
func (e *exchange) watch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stop = context.AfterFunc(e.ctx, func() { e.end(false) })
}

// Read implements io.Reader.
func (e *exchange) Read(p []byte) (int, error) {
	if e.isClosed() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := e.Reader.Read(p)
	if err == nil {
		return n, nil
	}
	whole := err == io.EOF //nolint:errorlint // a reader's end is io.EOF itself
	e.end(whole)
	if !whole {
		err = e.explain(err)
	}
	return n, err
}

// Close implements io.Closer. What is not read yet is not waited for.
func (e *exchange) Close() error {
	e.end(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

func (e *exchange) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// end gives the connection back if the answer was read to its end.
func (e *exchange) end(whole bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.ended = true
	if e.stop() && whole && e.keep && e.conn.r.Buffered() == 0 {
		e.idle.put(e.conn)
		return
	}
	// What is under way on the connection ends with an error.
	_ = e.conn.socket.Close()
}

// explain says why the context was cancelled, where that is the reason.
func (e *exchange) explain(err error) error {
	return cmp.Or(context.Cause(e.ctx), err)
}
