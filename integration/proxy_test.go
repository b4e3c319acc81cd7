package integration

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands before an S3 server, counts requests, and may meddle with them.
type proxy struct {
	address string
	mu      sync.Mutex
	// counts are by method and path. The question for tags is not counted.
	counts map[string]int
	// sent counts the bytes that were answered with, by path.
	sent map[string]int64
}

// startProxy passes requests to s. Before each of them meddle is called, which may
// answer it itself and then returns true; it may be nil.
func startProxy(t *testing.T, s *s3Server, meddle func(http.ResponseWriter, *http.Request) bool) *proxy {
	t.Helper()
	p := &proxy{counts: map[string]int{}, sent: map[string]int64{}}
	forward := &httputil.ReverseProxy{
		// The host stays as it was signed.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.endpoint})
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if meddle != nil && meddle(w, r) {
			return
		}
		counted := &countingWriter{ResponseWriter: w}
		forward.ServeHTTP(counted, r)
		if r.URL.Query().Has("tagging") {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts[r.Method+" "+r.URL.Path]++
		p.sent[r.URL.Path] += counted.n
	}))
	t.Cleanup(srv.Close)
	p.address = strings.TrimPrefix(srv.URL, "http://")
	return p
}

type countingWriter struct {
	http.ResponseWriter
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// puts and gets return how often each key of a bucket was put, and got.
func (p *proxy) puts(bucket string) map[string]int { return p.keys(http.MethodPut, bucket) }
func (p *proxy) gets(bucket string) map[string]int { return p.keys(http.MethodGet, bucket) }

func (p *proxy) keys(method, bucket string) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := map[string]int{}
	for request, n := range p.counts {
		if key, ok := strings.CutPrefix(request, method+" /"+bucket+"/"); ok && key != "" {
			requests[key] = n
		}
	}
	return requests
}

// requests counts the requests of a method for paths that begin with, and are longer
// than, the prefix.
func (p *proxy) requests(method, prefix string) (sum int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for request, n := range p.counts {
		if path, ok := strings.CutPrefix(request, method+" "+prefix); ok && path != "" {
			sum += n
		}
	}
	return sum
}

// forget starts to count anew.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = map[string]int{}
}

// flaky damages the puts of one path on the way, a number of times.
type flaky struct {
	path   string
	times  int32
	failed atomic.Int32
}

func newFlaky(path string, times int32) *flaky { return &flaky{path: path, times: times} }

func (f *flaky) meddle(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPut || r.URL.Path != f.path || f.failed.Load() >= f.times {
		return false
	}
	f.failed.Add(1)
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, "<Error><Code>BadDigest</Code><Message>The Content-MD5 you specified did not match what we received.</Message></Error>")
	return true
}
