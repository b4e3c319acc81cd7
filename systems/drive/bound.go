package drive

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// boundTransport sends requests to the configured server only, and Google's to any of
// Google's. The URLs of uploads and of redirects come from answers, and every request
// carries what authorises it.
type boundTransport struct {
	endpoint *url.URL
	next     http.RoundTripper
}

const googleDomain = ".googleapis.com"

func (t *boundTransport) allows(u *url.URL) bool {
	same := u.Host == t.endpoint.Host
	google := strings.HasSuffix(t.endpoint.Host, googleDomain) && strings.HasSuffix(u.Host, googleDomain)
	return u.Scheme == t.endpoint.Scheme && (same || google)
}

// RoundTrip implements http.RoundTripper.
func (t *boundTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.allows(req.URL) {
		return t.next.RoundTrip(req)
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return nil, fmt.Errorf("%s leads to another server, %s, which is not asked", t.endpoint.Host, req.URL.Host)
}
