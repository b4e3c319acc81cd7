//go:build unix

package s3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestDirect(t *testing.T) *directTransport {
	t.Helper()
	tr, err := minio.DefaultTransport(false)
	require.NoError(t, err)
	return newDirectTransport(tr)
}

// counted is a server that counts its connections.
func counted(t *testing.T, secure bool, h http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv, &conns
}

func do(t *testing.T, tr http.RoundTripper, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := tr.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // it was only read
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	return req
}

func TestDirectKeepsItsConnection(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			srv, conns := counted(t, secure, func(w http.ResponseWriter, r *http.Request) {
				sent, _ := io.ReadAll(r.Body)
				_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, sent)
			})
			tr := newTestDirect(t)
			if secure {
				tr.next.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
			}
			for i := range 3 {
				body := strings.Repeat("x", i)
				_, got := do(t, tr, request(t, "PUT", srv.URL+"/a", body))
				assert.Equal(t, "PUT /a "+body, got)
				_, got = do(t, tr, request(t, "HEAD", srv.URL+"/b", ""))
				assert.Empty(t, got)
			}
			assert.EqualValues(t, 1, conns.Load())
		})
	}
}

func TestDirectRefusesAnUnknownCertificate(t *testing.T) {
	srv, _ := counted(t, true, func(http.ResponseWriter, *http.Request) {})
	_, err := newTestDirect(t).RoundTrip(request(t, "GET", srv.URL, "")) //nolint:bodyclose // there is none
	assert.ErrorContains(t, err, "certificate")
}

// scripted answers the first bytes of each connection with what the script says.
func scripted(t *testing.T, script func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // the test is over
				script(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// What a server sends without having been asked must not be taken for the answer to the
// next request.
func TestDirectDropsConnectionsThatAreNotQuiet(t *testing.T) {
	for name, after := range map[string]string{
		"unsolicited answer": "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nstale",
		"hung up":            "",
	} {
		t.Run(name, func(t *testing.T) {
			said := make(chan struct{}, 1)
			url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
				_, _ = http.ReadRequest(r)
				_, _ = io.WriteString(conn, okAnswer)
				_, _ = io.WriteString(conn, after)
				if after == "" {
					_ = conn.Close()
				}
				said <- struct{}{}
				_, _ = io.Copy(io.Discard, conn)
			})
			tr := newTestDirect(t)
			for range 3 {
				status, got := do(t, tr, request(t, "GET", url, ""))
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, "ok", got)
				<-said
			}
		})
	}
}

func TestDirectLeavesUnreadAnswers(t *testing.T) {
	srv, conns := counted(t, false, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
	})
	tr := newTestDirect(t)
	resp, err := tr.RoundTrip(request(t, "GET", srv.URL, ""))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	_, err = resp.Body.Read(make([]byte, 1))
	require.Error(t, err)
	_, got := do(t, tr, request(t, "GET", srv.URL, ""))
	assert.Len(t, got, 100)
	assert.EqualValues(t, 2, conns.Load())
}

var errTestStalled = errors.New("stalled")

func TestDirectIsCancelled(t *testing.T) {
	for name, answer := range map[string]string{
		"before the answer": "",
		"in the head":       "HTTP/1.1 200 OK\r\nContent-",
		"in the body":       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
				_, _ = http.ReadRequest(r)
				_, _ = io.WriteString(conn, answer)
				cancel(errTestStalled)
				_, _ = io.Copy(io.Discard, conn)
			})
			tr := newTestDirect(t)
			resp, err := tr.RoundTrip(request(t, "GET", url, "").WithContext(ctx))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			require.ErrorIs(t, err, errTestStalled)
			assert.Nil(t, tr.idle.take(strings.TrimPrefix(url, "http://")))
		})
	}
}

// A body that nobody reads, and nobody closes, does not keep the connection.
func TestDirectEndsWithTheContext(t *testing.T) {
	ended := make(chan struct{})
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly")
		_, _ = io.Copy(io.Discard, conn)
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newTestDirect(t).RoundTrip(request(t, "GET", url, "").WithContext(ctx)) //nolint:bodyclose // that is the test
	require.NoError(t, err)
	cancel()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the connection is still open")
	}
}

func TestDirectBodyIsClosedInARead(t *testing.T) {
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly")
		_, _ = io.Copy(io.Discard, conn)
	})
	resp, err := newTestDirect(t).RoundTrip(request(t, "GET", url, ""))
	require.NoError(t, err)
	_, err = io.ReadFull(resp.Body, make([]byte, 4))
	require.NoError(t, err)
	read := make(chan error)
	go func() {
		_, err := resp.Body.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, resp.Body.Close())
	assert.Error(t, <-read)
}

func TestDirectBodyThatIsTooShort(t *testing.T) {
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly")
	})
	resp, err := newTestDirect(t).RoundTrip(request(t, "GET", url, ""))
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestDirectBoundsTheHead(t *testing.T) {
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for i := 0; err == nil; i++ {
			_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 8<<10))
		}
	})
	_, err := newTestDirect(t).RoundTrip(request(t, "GET", url, "")) //nolint:bodyclose // there is none
	assert.ErrorIs(t, err, errHeadTooLarge)
}

func TestDirectSkipsInterimAnswers(t *testing.T) {
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+okAnswer)
	})
	_, got := do(t, newTestDirect(t), request(t, "GET", url, ""))
	assert.Equal(t, "ok", got)
}

// Whoever may not store is told so before the body is read.
func TestDirectHearsARefusalOfTheBody(t *testing.T) {
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		_, _ = io.Copy(io.Discard, r)
	})
	status, got := do(t, newTestDirect(t), request(t, "PUT", url, strings.Repeat("x", maxDirectBody)))
	assert.Equal(t, http.StatusForbidden, status)
	assert.Equal(t, "no", got)
}

func TestDirectLeavesTheRestToNetHTTP(t *testing.T) {
	var got atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got.Store(r.URL.String()) }))
	t.Cleanup(proxy.Close)
	tr := newTestDirect(t)
	tr.next.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	do(t, tr, request(t, "GET", "http://s3.example.com/a", ""))
	assert.Equal(t, "http://s3.example.com/a", got.Load())

	large := request(t, "PUT", "http://s3.example.com/a", "")
	assert.True(t, newTestDirect(t).takes(large))
	large.ContentLength = maxDirectBody + 1
	assert.False(t, newTestDirect(t).takes(large))
	large.ContentLength = -1
	assert.False(t, newTestDirect(t).takes(large))
}

func TestDirectClosesOldConnections(t *testing.T) {
	closed := make(chan struct{})
	url := scripted(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, okAnswer)
		_, _ = io.Copy(io.Discard, conn)
		close(closed)
	})
	tr := newTestDirect(t)
	tr.idle.timeout = time.Millisecond
	do(t, tr, request(t, "GET", url, ""))
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("the connection is still open")
	}
}
