package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// counter passes requests on to a server, and counts them by their methods.
type counter struct {
	address string
	http    http.Server
	mu      sync.Mutex
	counts  map[string]int
}

// countRequests puts counters between the tool and both servers. What they counted may
// be read after the tool has ended.
func (j *job) countRequests() (counts map[string]map[string]int, stop func(), err error) {
	source, err := startCounter(j.source)
	if err != nil {
		return nil, nil, err
	}
	destination, err := startCounter(j.destination)
	if err != nil {
		source.stop()
		return nil, nil, err
	}
	j.source, j.destination = source.address, destination.address
	counts = map[string]map[string]int{"source": source.counts, "destination": destination.counts}
	return counts, func() { source.stop(); destination.stop() }, nil
}

func startCounter(to string) (*counter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{address: l.Addr().String(), counts: map[string]int{}}
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
	c.http = http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.counts[kind(r)]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	})}
	go c.http.Serve(l) //nolint:errcheck // it ends with stop
	return c, nil
}

func (c *counter) stop() { _ = c.http.Close() }

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
