package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate passes requests on to a server. It counts them, and can hold back what the
// server sends.
type gate struct {
	*tally
	address string
	limit   *rate.Limiter
	http    http.Server
}

// tally is what passed one or several gates: requests by kind, and bytes that servers
// sent. It may be read after the tool has ended.
type tally struct {
	mu       sync.Mutex
	requests map[string]int
	sent     int64
}

func newTally() *tally { return &tally{requests: map[string]int{}} }

// burst is what may pass a gate at once.
const burst = 256 << 10

// openGate opens a gate to the server at the address. With bytesPerSecond, all that it
// sends shares this rate, over all connections.
func openGate(to string, t *tally, bytesPerSecond int) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{tally: t, address: l.Addr().String()}
	if bytesPerSecond > 0 {
		g.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), burst)
	}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxIdleConnsPerHost = 512
	tr.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Transport: tr,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			// The signature covers the host that the client spoke to.
			r.Out.Host = r.In.Host
		},
	}
	g.http = http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.count(kind(r))
		proxy.ServeHTTP(&gated{ResponseWriter: w, gate: g, request: r}, r)
	})}
	go g.http.Serve(l) //nolint:errcheck // it ends with close
	return g, nil
}

func (g *gate) close() { _ = g.http.Close() }

func (t *tally) count(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[kind]++
}

func (t *tally) add(bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent += int64(bytes)
}

// gated counts what is written, and holds it back.
type gated struct {
	http.ResponseWriter
	gate    *gate
	request *http.Request
}

func (w *gated) Write(p []byte) (int, error) {
	if w.gate.limit != nil {
		if err := w.gate.limit.WaitN(w.request.Context(), len(p)); err != nil {
			return 0, err
		}
	}
	n, err := w.ResponseWriter.Write(p)
	w.gate.add(n)
	return n, err
}

// Unwrap lets the proxy flush.
func (w *gated) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// kind is the method, and for listings and the like what is asked for.
func kind(r *http.Request) string {
	query := r.URL.Query()
	for _, sub := range []string{"list-type", "location", "uploads", "uploadId", "tagging", "versioning", "delete"} {
		if query.Has(sub) {
			return r.Method + " ?" + sub
		}
	}
	return r.Method
}
