package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/ingest-bundle/ingest"
)

const (
	// copyPartSize is the size of the parts of a copy that has no parts to mirror.
	copyPartSize = 512 << 20
)

var _ ingest.Copier = (*destination)(nil)

// account is whom a server is asked as. Without a key, that is whoever the
// environment says.
type account struct {
	endpoint          string
	insecure          bool
	id, secret, token string
}

// CanCopy implements ingest.Copier. What is left out could not be proved (ETags that
// are no digests), or not be asked for (CRC32C of the whole content, and a condition
// on the destination, which servers ignore).
func (d *destination) CanCopy(from ingest.Client) bool {
	s, ok := from.(*source)
	return ok && d.serverCopy && s.account == d.account && !s.opaque && !d.crc32c && !d.createOnly && !d.copiesWhole.refused.Load()
}

// Copy implements ingest.Copier. The server is asked for the version with this ETag
// only, and what it answers must be that ETag again.
func (d *destination) Copy(ctx context.Context, from ingest.Client, id, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	s, ok := from.(*source)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	key, err := d.key(codec)
	if err != nil {
		return nil, err
	}
	c := &serverCopy{upload: &upload{d: d, key: key, obj: &obj}, from: s, id: id}
	if c.opts, err = d.putOptions(ctx, &obj); err != nil {
		return nil, err
	}
	stored, err := c.run(ctx)
	switch {
	case errors.Is(err, errUnverified), errors.Is(err, errOtherParts):
		err = c.state.refuse(err)
	case err == nil:
		c.state.works.Store(true)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		d.log.Debugf("%s is not copied by the server: %v", d.uri(key), err)
	}
	if err != nil {
		return nil, err
	}
	d.recordUnlessComparable(ctx, c.upload, stored)
	return stored, nil
}

// serverCopy is an upload whose content the server has already.
type serverCopy struct {
	*upload
	from *source
	id   ingest.Codec
	// state is that of copies in one piece, or in parts.
	state *copyState
}

// run copies the object in the parts that it has at the source, so that the ETag of
// the copy must be the same.
func (c *serverCopy) run(ctx context.Context) (*ingest.Stored, error) {
	switch {
	case c.obj.Len < 0:
	case isPlainETag(c.obj.ETag) && c.obj.Len <= maxSinglePut:
		return c.whole(ctx)
	case isPlainETag(c.obj.ETag):
		return c.inParts(ctx, max(copyPartSize, c.ownPartSize()))
	case multipartETag.MatchString(c.obj.ETag):
		if err := c.from.addPartSize(ctx, c.id.ID, c.obj); err != nil {
			return nil, err
		}
		if size := c.obj.PartSize; size > 0 && size <= maxSinglePut && (size >= minPartSize || size == c.obj.Len) {
			return c.inParts(ctx, size)
		}
	}
	return nil, fmt.Errorf("%w: its ETag %q was computed over parts that are not known, or not allowed", errors.ErrUnsupported, c.obj.ETag)
}

// condition pins the version of the source.
func (c *serverCopy) condition() map[string]string {
	return map[string]string{"X-Amz-Copy-Source-If-Match": `"` + c.obj.ETag + `"`}
}

func (c *serverCopy) whole(ctx context.Context) (*ingest.Stored, error) {
	c.state = &c.d.copiesWhole
	headers := c.condition()
	for name := range c.opts.Header() {
		headers[name] = c.opts.Header().Get(name)
	}
	// The copy gets what an upload would, and nothing else that the source has.
	headers["X-Amz-Metadata-Directive"] = "REPLACE"
	headers["X-Amz-Tagging-Directive"] = "REPLACE"
	defer working(ctx, c.obj.Len)()
	var answer http.Header
	info, err := c.d.api.CopyObject(withAnswer(ctx, &answer), c.from.bucket, c.id.ID, c.d.bucket, c.key, headers, minio.CopySrcOptions{}, minio.PutObjectOptions{})
	if err != nil {
		return nil, c.refused(ctx, "copying", err)
	}
	if info.ETag == "" {
		// S3 begins an answer before it knows how the copy ends.
		return nil, fmt.Errorf("copying %q: the server says neither that it did nor why not", c.key)
	}
	return c.verify(ctx, minio.UploadInfo{ETag: info.ETag, VersionID: answer.Get("X-Amz-Version-Id")}, c.obj.Len, c.obj.ETag)
}

// inParts copies ranges of the source, several at once. Nothing of it can be seen
// before all of them are proved.
func (c *serverCopy) inParts(ctx context.Context, partSize int64) (*ingest.Stored, error) {
	if c.state = &c.d.copiesInParts; c.state.refused.Load() {
		return nil, errors.ErrUnsupported
	}
	return c.multipart(ctx, partSize, func(ctx context.Context, m *multipart) error {
		m.parts = make([]*part, (c.obj.Len+partSize-1)/partSize)
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(c.d.parallelParts)
		for i := range m.parts {
			group.Go(func() error {
				return c.tries(groupCtx, func() (err error) {
					m.parts[i], err = c.part(groupCtx, m, i)
					return err
				})
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		return c.proved(ctx, m)
	})
}

func (c *serverCopy) part(ctx context.Context, m *multipart, i int) (*part, error) {
	s := m.span(i)
	defer working(ctx, s.length)()
	done, err := c.d.api.CopyObjectPart(ctx, c.from.bucket, c.id.ID, c.d.bucket, c.key, m.id, i+1, s.offset, s.length, c.condition())
	if err != nil {
		return nil, c.refused(ctx, fmt.Sprintf("copying part %d of", i+1), err)
	}
	p := &part{size: s.length, etag: strings.Trim(done.ETag, `"`)}
	if !isPlainETag(p.etag) {
		return nil, fmt.Errorf("%w: the server's ETag for part %d of %s is %q", errOtherParts, i+1, c.d.uri(c.key), p.etag)
	}
	return p, nil
}

// proved compares the parts with the source before the upload is completed.
func (c *serverCopy) proved(ctx context.Context, m *multipart) error {
	if m.opaque.Load() || m.etag() == c.obj.ETag {
		return nil
	}
	if c.obj.PartSize > 0 {
		return fmt.Errorf("%w: %s has %s, and the parts make %s", errOtherParts, c.d.uri(c.key), c.obj.ETag, m.etag())
	}
	// The source has no parts to compare. All of these must be of one version.
	now, err := c.from.Stat(ctx, c.id)
	if err != nil {
		return err
	}
	if !c.obj.SameVersion(now) {
		return fmt.Errorf("%s: %w", c.from.uri(c.id.ID), ingest.ErrChanged)
	}
	return nil
}

// refused is failed for the copy itself. What the server has against a copy it need
// not have against an upload; reading the source then tells what is wrong with that.
func (c *serverCopy) refused(ctx context.Context, doing string, err error) error {
	failure := c.failed(ctx, doing, nil, err)
	resp, answered := response(err)
	if !answered || ctx.Err() != nil {
		return failure
	}
	switch status := resp.StatusCode; {
	case status == http.StatusNotImplemented, status == http.StatusForbidden, status == http.StatusMethodNotAllowed, status == http.StatusLengthRequired:
		return c.state.refuse(failure)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return failure
	}
	return unsupported(failure)
}

// unsupported says that the object is to be streamed. The reason is text only: it
// must not decide what becomes of the message.
func unsupported(reason error) error {
	return fmt.Errorf("%w: %v", errors.ErrUnsupported, reason) //nolint:errorlint // see above
}

// copyState remembers how the copies of one kind went.
type copyState struct {
	works, refused atomic.Bool
}

// refuse ends copying, unless it is known to work for other objects.
func (c *copyState) refuse(reason error) error {
	if !c.works.Load() {
		c.refused.Store(true)
	}
	return unsupported(reason)
}
