package component

import (
	"io"
	"net/http"

	"github.com/ingest-bundle/ingest"
)

// ProgressTransport reports every byte that moves as progress of the transfer
// that the context of the request belongs to.
type ProgressTransport struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *ProgressTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if req.Body != nil && req.Body != http.NoBody {
		req = req.WithContext(ctx)
		req.Body = &progressBody{Reader: ingest.ProgressReader(ctx, req.Body), Closer: req.Body}
	}
	resp, err := t.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	ingest.Progress(ctx)
	resp.Body = &progressBody{Reader: ingest.ProgressReader(ctx, resp.Body), Closer: resp.Body}
	return resp, nil
}

type progressBody struct {
	io.Reader
	io.Closer
}
