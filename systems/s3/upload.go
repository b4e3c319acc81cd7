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
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

const (
	// maxSinglePut is S3's own limit for one PUT, and for one part.
	maxSinglePut = 5 << 30
	// maxBuffered bounds the objects that are read whole before they are sent,
	// though they could be streamed: the request can then be repeated.
	maxBuffered = 1 << 20
	// maxMirroredPart bounds the parts of a source whose layout is copied
	// where a part must be held in memory.
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
	// begun says that the object's Reader is in use, or was.
	begun bool
}

// run uploads the object in the layout that the source has it in, as far as that
// is known: ETags can then be compared. What has to be hashed for a proof is read
// into memory part by part; all else goes from socket to socket.
func (u *upload) run(ctx context.Context) (*ingest.Stored, error) {
	size := u.obj.Len
	switch {
	case u.mirrors():
		return u.mirror(ctx)
	case u.obj.MD5 != nil && size > maxBuffered && size <= maxSinglePut:
		return u.stream(ctx)
	case size >= 0 && size <= u.d.partSize:
		return u.whole(ctx)
	}
	return u.inOwnParts(ctx)
}

// inOwnParts uploads the object in parts of our own size.
func (u *upload) inOwnParts(ctx context.Context) (*ingest.Stored, error) {
	partSize := u.ownPartSize()
	if partSize > maxOwnPart {
		return nil, ingest.Permanent(fmt.Errorf("storing %q: %d bytes are more than S3 takes in %d parts of at most %d bytes", u.key, u.obj.Len, maxParts, maxOwnPart))
	}
	if u.sequential() || u.obj.Len <= 0 || u.obj.MD5 != nil {
		return u.inOrder(ctx, partSize)
	}
	return u.multipart(ctx, partSize, func(ctx context.Context, m *multipart) error { return m.spread(ctx, hashPart) })
}

// sequential reports whether the content is to be read in order.
func (u *upload) sequential() bool { return u.obj.Range == nil || u.obj.Sequential }

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
	if err := readAll(u.content(), buf.bytes); err != nil {
		buf.release()
		return nil, err
	}
	stored, err := u.put(ctx, buf.bytes)
	buf.spoilt = err != nil
	buf.release()
	return stored, err
}

// content returns the object's Reader, or nil where that was taken already.
func (u *upload) content() io.Reader {
	if u.begun {
		return nil
	}
	u.begun = true
	return u.obj.Reader
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
	info, ok, err := u.d.leanPut(ctx, u.key, u.opts, content, sum)
	if err != nil {
		return nil, u.failed(ctx, "storing", nil, err)
	}
	if ok {
		return u.verify(ctx, info, int64(len(content)), hex.EncodeToString(sum))
	}
	return u.finishPut(ctx, bytes.NewReader(content), int64(len(content)), sum)
}

// stream sends a large object in one request, from socket to socket. The MD5 that
// the source vouches for lets the destination's server check it. Parts would have to
// be hashed here, which takes twice as long where processors are scarce, and give the
// copy another ETag.
func (u *upload) stream(ctx context.Context) (stored *ingest.Stored, err error) {
	size := u.obj.Len
	err = u.tries(ctx, func() error {
		content := &resuming{ctx: ctx, u: u, r: u.content()}
		defer content.close()
		body := &body{r: content, left: size}
		if stored, err = u.finishPut(ctx, body, size, u.obj.MD5); err != nil {
			return err
		}
		return body.sent()
	})
	return stored, err
}

func (u *upload) finishPut(ctx context.Context, content io.Reader, size int64, sum []byte) (*ingest.Stored, error) {
	info, err := u.d.api.PutObject(ctx, u.d.bucket, u.key, content, size, base64.StdEncoding.EncodeToString(sum), "", u.opts)
	if err != nil {
		return nil, u.failed(ctx, "storing", content, err)
	}
	return u.verify(ctx, info, size, hex.EncodeToString(sum))
}

// failed says what failed. Where that was reading the content, the destination has
// nothing to do with it.
func (u *upload) failed(ctx context.Context, doing string, content io.Reader, err error) error {
	if b, ok := content.(*body); ok && b.failure() != nil {
		return b.failure()
	}
	return u.d.failed(ctx, accessWrite, fmt.Sprintf("%s %q", doing, u.key), err)
}

func crc32c(content []byte) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum(content, crcTable))
	return base64.StdEncoding.EncodeToString(sum[:])
}
