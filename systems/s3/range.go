package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// errNoRange says that the server answered with something else than the range that
// was asked for. Objects that are opened from then on offer no ranges.
var errNoRange = errors.New("the server does not serve the range that it was asked for")

// openRange opens a range of the version that has the ETag. Neither the condition
// nor the range is taken for granted: servers and what is before them ignore both.
func (s *source) openRange(ctx context.Context, key, etag string, offset, length int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if err := errors.Join(opts.SetMatchETag(etag), opts.SetRange(offset, offset+length-1)); err != nil {
		return nil, ingest.Permanent(fmt.Errorf("opening a range of %s: %w", s.uri(key), err))
	}
	body, info, header, err := s.api.GetObject(ctx, s.bucket, key, opts)
	if err != nil {
		return nil, s.readFailed(ctx, "reading a range of", key, err)
	}
	var first, last int64
	got := header.Get("Content-Range")
	n, _ := fmt.Sscanf(got, "bytes %d-%d/", &first, &last)
	switch {
	case info.ETag != "" && info.ETag != etag:
		err = ingest.Changed(fmt.Errorf("reading a range of %s: its ETag is %q now, and was %q", s.uri(key), info.ETag, etag))
	case info.ETag == "" || n != 2 || first != offset || last != offset+length-1:
		s.rangeless.Store(true)
		err = fmt.Errorf("reading a range of %s: %w: from %d to %d it was, and the answer has Content-Range %q and ETag %q",
			s.uri(key), errNoRange, offset, offset+length-1, got, info.ETag)
	}
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return &rangeBody{sourceBody: sourceBody{ReadCloser: body, ctx: ctx, s: s, key: key}, left: length}, nil
}

// rangeBody yields as many bytes as were asked for, or an error.
type rangeBody struct {
	sourceBody
	left int64
}

func (b *rangeBody) Read(p []byte) (int, error) {
	n, err := b.sourceBody.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return 0, fmt.Errorf("reading a range of %s: %d bytes more than it has arrived", b.s.uri(b.key), -b.left)
	case err == io.EOF && b.left > 0: //nolint:errorlint // a reader's end is io.EOF itself
		return n, fmt.Errorf("reading a range of %s: it ended %d bytes early", b.s.uri(b.key), b.left)
	}
	return n, err
}
