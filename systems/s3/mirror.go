package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// readings is how often an object is read whose parts do not make up its ETag.
const readings = 3

// errOtherParts says that the digests of the parts do not make up the ETag that the
// source has. Something was damaged on the way, or the source's parts are others than
// they seemed, or what the server calls ETags are no digests.
var errOtherParts = errors.New("the parts that were stored do not make up the source's ETag")

// mirrors reports whether the object can get the parts that it has at the source.
func (u *upload) mirrors() bool {
	largest := int64(maxMirroredPart)
	if u.unhashed() {
		largest = maxSinglePut
	}
	size := u.obj.PartSize
	return size > 0 && size <= largest && (size >= minPartSize || size == u.obj.Len)
}

// unhashed reports whether the ETags of the parts will prove the copy.
func (u *upload) unhashed() bool {
	return u.obj.Range != nil && u.obj.Len > 0 && u.obj.MD5 == nil && multipartETag.MatchString(u.obj.ETag) && !u.d.crc32c && !u.d.wary.Load()
}

// mirror uploads the object in the source's parts. They go from socket to socket: the
// ETags that the server answers with, which are digests of what it got, must make up
// the source's ETag before the upload is completed. If they do not, the object is
// read again, and its parts are hashed here. What was read twice the same is what
// the source has.
func (u *upload) mirror(ctx context.Context) (*ingest.Stored, error) {
	if u.obj.Range == nil || u.obj.MD5 != nil || !multipartETag.MatchString(u.obj.ETag) {
		return u.inOrder(ctx, u.obj.PartSize)
	}
	seen := map[string]bool{u.obj.ETag: true}
	var failure error
	for range readings {
		send := sender(streamPart)
		if !u.unhashed() {
			send = hashPart
		}
		if !u.mirrors() {
			return u.inOwnParts(ctx)
		}
		stored, err := u.multipart(ctx, u.obj.PartSize, func(ctx context.Context, m *multipart) error {
			if m.opaque.Load() {
				send = hashPart
			}
			if err := m.spread(ctx, send); err != nil {
				return err
			}
			got := m.etag()
			if seen[got] {
				return nil
			}
			seen[got] = true
			return fmt.Errorf("%w: %s has %s, and the parts make %s", errOtherParts, m.d.uri(m.key), m.obj.ETag, got)
		})
		if !errors.Is(err, errOtherParts) {
			return stored, err
		}
		u.d.log.Warnf("storing %q again, and checking each part: %v", u.key, err)
		u.d.wary.Store(true)
		failure = err
	}
	return nil, failure
}

// streamPart sends a part from socket to socket.
func streamPart(ctx context.Context, m *multipart, number int, content *body) (*part, error) {
	p := &part{size: content.left}
	var err error
	p.etag, err = m.send(ctx, number, content, p.size, minio.PutObjectPartOptions{})
	switch {
	case hasStatus(err, http.StatusBadRequest) && wantsDigest(err):
		return nil, fmt.Errorf("%w: %w", errOtherParts, err)
	case err == nil && !isPlainETag(p.etag):
		return nil, fmt.Errorf("%w: the server's ETag for part %d of %s is %q", errOtherParts, number, m.d.uri(m.key), p.etag)
	}
	return p, err
}

// wantsDigest reports whether the server takes no part without a digest, as S3 does
// in buckets with object lock.
func wantsDigest(err error) bool {
	resp, _ := response(err)
	return resp.Code == "InvalidRequest" || resp.Code == "MissingContentMD5"
}
