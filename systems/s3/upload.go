package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags and Content-MD5 are what they are
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

const (
	// maxSinglePut is S3's own limit for one PUT.
	maxSinglePut = 5 << 30
	// maxMirroredPart bounds the parts of a source whose layout is copied,
	// since a part is held in memory.
	maxMirroredPart = 64 << 20
	// maxOwnPart bounds the parts that a huge object needs: with ten thousand
	// of them it may have 9.7 TiB.
	maxOwnPart = 1 << 30
	// tidyTimeout bounds what is done after a failure, when the attempt's
	// own time is over.
	tidyTimeout = 30 * time.Second
	// emptyMD5 is the MD5 of nothing, in base64.
	emptyMD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func emptyBody() io.Reader { return bytes.NewReader(nil) }

// upload stores one object under one key.
type upload struct {
	d    *destination
	key  string
	obj  *ingest.Object
	opts minio.PutObjectOptions
}

// run uploads the object in the layout that the source has it in, as far as that
// is known and fits into memory: ETags can then be compared.
func (u *upload) run(ctx context.Context) (*ingest.Stored, error) {
	size := u.obj.Len
	mirrored := u.obj.PartSize
	switch {
	case mirrored > 0 && mirrored <= maxMirroredPart && (mirrored >= minPartSize || mirrored == size):
		return u.multipart(ctx, mirrored)
	case size >= 0 && size <= u.d.partSize:
		return u.whole(ctx)
	case u.obj.MD5 != nil && size >= 0 && size <= maxSinglePut && multipartFree(u.obj):
		return u.stream(ctx)
	}
	partSize := u.ownPartSize()
	if partSize > maxOwnPart {
		return nil, ingest.Permanent(fmt.Errorf("storing %q: %d bytes are more than S3 takes in %d parts of at most %d bytes", u.key, size, maxParts, maxOwnPart))
	}
	return u.multipart(ctx, partSize)
}

// multipartFree reports whether the source has the object in one piece.
func multipartFree(obj *ingest.Object) bool { return plainETag.MatchString(obj.ETag) }

// ownPartSize is the configured part size, or the smallest in whole mebibytes
// with which the object fits into the number of parts that S3 allows.
func (u *upload) ownPartSize() int64 {
	const mebibyte = 1 << 20
	if u.obj.Len/maxParts < u.d.partSize {
		return u.d.partSize
	}
	return (u.obj.Len/maxParts/mebibyte + 1) * mebibyte
}

// whole sends an object that fits into memory.
func (u *upload) whole(ctx context.Context) (*ingest.Stored, error) {
	buf, err := u.d.buffers.get(ctx, u.obj.Len)
	if err != nil {
		return nil, err
	}
	defer buf.release()
	if err := readAll(u.obj.Reader, buf.bytes); err != nil {
		return nil, err
	}
	return u.put(ctx, buf.bytes)
}

// readAll fills b, and takes anything but the end after that as an error: only
// at the end the reader tells whether the content is sound.
func readAll(r io.Reader, b []byte) error {
	if _, err := io.ReadFull(r, b); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	var more [1]byte
	switch n, err := io.ReadFull(r, more[:]); {
	case n > 0:
		return errors.New("there is more content than was announced")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// put sends content in one request.
func (u *upload) put(ctx context.Context, content []byte) (*ingest.Stored, error) {
	sum := u.obj.MD5
	if sum == nil {
		s := md5.Sum(content) //nolint:gosec // as above
		sum = s[:]
	}
	if u.d.crc32c {
		u.opts.UserMetadata["X-Amz-Checksum-Crc32c"] = crc32c(content)
	}
	return u.finishPut(ctx, bytes.NewReader(content), int64(len(content)), sum)
}

// stream sends a large object in one request, from socket to socket. The MD5 that
// the source vouches for lets the destination's server check it.
func (u *upload) stream(ctx context.Context) (*ingest.Stored, error) {
	return u.finishPut(ctx, u.obj.Reader, u.obj.Len, u.obj.MD5)
}

func (u *upload) finishPut(ctx context.Context, body io.Reader, size int64, sum []byte) (*ingest.Stored, error) {
	info, err := u.d.api.PutObject(ctx, u.d.bucket, u.key, body, size, base64.StdEncoding.EncodeToString(sum), "", u.opts)
	if err != nil {
		return nil, u.failed(ctx, "storing", err)
	}
	return u.verify(ctx, info, size, hex.EncodeToString(sum))
}

// verify compares the ETag that the server answered with the one that the
// content must have, and removes the object if they differ. An ETag that is no
// digest proves nothing either way: then it was the server that compared the MD5
// it was sent.
func (u *upload) verify(ctx context.Context, info minio.UploadInfo, size int64, want string) (*ingest.Stored, error) {
	stored := &ingest.Stored{URI: u.d.uri(u.key), Len: size, ETag: info.ETag, VersionID: info.VersionID, MD5: md5OfETag(info.ETag), Verified: true}
	if info.ETag == want {
		return stored, nil
	}
	tidy, cancel := context.WithTimeout(unlimited(context.WithoutCancel(ctx)), tidyTimeout)
	defer cancel()
	now, err := u.d.api.StatObject(tidy, u.d.bucket, u.key, minio.StatObjectOptions{VersionID: info.VersionID})
	if err == nil && now.Size == size && encryptedByKey(now.Headers) {
		stored.MD5 = nil
		return stored, nil
	}
	mismatch := fmt.Errorf("%w: %s has the ETag %q, and %q was expected", errUnverified, u.d.uri(u.key), info.ETag, want)
	if err != nil {
		return nil, alongside(mismatch, u.failed(tidy, "looking at what was stored as", err))
	}
	return nil, alongside(mismatch, u.remove(tidy, info))
}

// alongside adds what went wrong while tidying up to the error that made it
// necessary, as text only: it must not decide what becomes of the message.
func alongside(err, tidying error) error {
	if tidying == nil {
		return err
	}
	return fmt.Errorf("%w; then %v", err, tidying) //nolint:errorlint // see above
}

// remove removes what was stored by this upload, and nothing that came after it.
func (u *upload) remove(ctx context.Context, info minio.UploadInfo) error {
	opts := minio.RemoveObjectOptions{}
	if info.VersionID != "" && info.VersionID != "null" {
		opts.VersionID = info.VersionID
	} else {
		ctx = withIfMatch(ctx, info.ETag)
		now, err := u.d.api.StatObject(ctx, u.d.bucket, u.key, minio.StatObjectOptions{})
		if isMissing(err) || hasStatus(err, http.StatusPreconditionFailed) || (err == nil && now.ETag != info.ETag) {
			return nil
		}
	}
	err := u.d.api.RemoveObject(ctx, u.d.bucket, u.key, opts)
	if err != nil && !isMissing(err) && !hasStatus(err, http.StatusPreconditionFailed) {
		return u.failed(ctx, "removing what failed verification as", err)
	}
	return nil
}

func (u *upload) failed(ctx context.Context, doing string, err error) error {
	return u.d.failed(ctx, accessWrite, fmt.Sprintf("%s %q", doing, u.key), err)
}

// md5OfETag returns the digest that a plain ETag is, or nil.
func md5OfETag(etag string) []byte {
	if !plainETag.MatchString(etag) {
		return nil
	}
	sum, _ := hex.DecodeString(etag)
	return sum
}

func crc32c(content []byte) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum(content, crcTable))
	return base64.StdEncoding.EncodeToString(sum[:])
}
