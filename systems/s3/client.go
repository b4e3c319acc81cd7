package s3

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest/internal/component"
)

const (
	dialTimeout = 5 * time.Second
	// idleConnections keeps a connection for each of the objects in flight
	// and their parts; net/http's default of 2 would open new ones all the
	// time.
	idleConnections = 512
	// ioBuffer is the size of the two buffers of each connection: the head and
	// a small content go out in one write.
	ioBuffer = 32 << 10
	// requestTries is small: what fails longer is given back to the queue,
	// which waits better.
	requestTries = 3
	// maxHeader bounds the headers of an answer: those of an object are 2 KiB of
	// metadata, and a few more.
	maxHeader = 256 << 10
)

// client speaks to one bucket of one server.
type client struct {
	connection
	api  minio.Core
	lean *lean
}

func newClient(conn connection) (*client, error) {
	tr, err := minio.DefaultTransport(!conn.insecure)
	if err != nil {
		return nil, err
	}
	tr.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	tr.WriteBufferSize, tr.ReadBufferSize = ioBuffer, ioBuffer
	tr.MaxResponseHeaderBytes = maxHeader
	tr.MaxIdleConns = 0
	tr.MaxIdleConnsPerHost = idleConnections
	// How long a server may take to answer is the stall timeout's business.
	tr.ResponseHeaderTimeout = 0
	if conn.tls != nil {
		tr.TLSClientConfig = conn.tls
	}
	var next http.RoundTripper = &component.ProgressTransport{Next: newDirectTransport(tr)}
	if conn.limits != nil {
		next = &limitedTransport{limits: conn.limits, next: next}
	}
	next = &transport{next: next}
	api, err := minio.NewCore(conn.endpoint, &minio.Options{
		Creds:        conn.creds,
		Secure:       !conn.insecure,
		Region:       conn.region,
		BucketLookup: conn.lookup,
		Transport:    next,
		MaxRetries:   requestTries,
	})
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", fieldEndpoint, err)
	}
	return &client{connection: conn, api: *api, lean: newLean(api, conn.bucket, next)}, nil
}

func (c *client) uri(key string) string { return "s3://" + c.bucket + "/" + key }

// location tells objects of different servers apart.
func (c *client) location(key string) string {
	return "s3://" + strings.ToLower(c.endpoint) + "/" + c.bucket + "/" + key
}

// TestConnection implements ingest.ConnectionTester: it asks for the bucket.
func (c *client) TestConnection(ctx context.Context) error {
	ctx = unlimited(ctx)
	exists, err := c.api.BucketExists(ctx, c.bucket)
	if err == nil && !exists {
		return c.noSuchBucket()
	}
	if err == nil {
		return nil
	}
	if !isDenied(err) {
		return c.failed(ctx, accessProbe, "asking for the bucket", err)
	}
	// The answer to a HEAD has no body that says why. Whoever may only put
	// objects is denied the listing too, and is not wrong.
	listErr := c.testListing(ctx, "")
	if resp, ok := response(listErr); ok && resp.Code == "AccessDenied" {
		return nil
	}
	return listErr
}

// testListing is TestConnection for components that list.
func (c *client) testListing(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithCancel(unlimited(ctx))
	defer cancel()
	for obj := range c.api.ListObjectsIter(ctx, c.bucket, minio.ListObjectsOptions{Prefix: prefix, MaxKeys: 1}) {
		if obj.Err != nil {
			return c.failed(ctx, accessProbe, "listing", obj.Err)
		}
		return nil
	}
	return ctx.Err()
}

// transport adds the conditions that minio-go has no option for.
type transport struct{ next http.RoundTripper }

type ifMatchKey struct{}

// withIfMatch makes the requests of the context conditional on the ETag.
func withIfMatch(ctx context.Context, etag string) context.Context {
	return context.WithValue(ctx, ifMatchKey{}, etag)
}

type answerKey struct{}

// withAnswer makes the headers of the answer known, for what minio-go does not tell.
func withAnswer(ctx context.Context, header *http.Header) context.Context {
	return context.WithValue(ctx, answerKey{}, header)
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if etag, ok := ctx.Value(ifMatchKey{}).(string); ok {
		// A header that is not among the signed ones is as good as any.
		req.Header.Set("If-Match", `"`+etag+`"`)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if header, ok := ctx.Value(answerKey{}).(*http.Header); ok {
		*header = resp.Header
	}
	if !holdsContent(req, resp) {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, nil
}
