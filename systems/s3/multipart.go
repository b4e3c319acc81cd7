package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags and Content-MD5 are what they are
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// multipart is an upload in parts that has begun and is not completed.
type multipart struct {
	*upload
	id       string
	partSize int64
	// opaque says that the server encrypts with a key of its own: its ETags
	// are no digests, though they look so.
	opaque atomic.Bool
	parts  []*part
}

// part is one part that the server was seen to hold.
type part struct {
	size   int64
	etag   string
	md5    []byte
	crc32c string
}

// multipart uploads the object in parts, which fill sends. It aborts the upload on
// any failure, and so what earlier attempts, cut off by a crash, left unfinished
// under the key.
func (u *upload) multipart(ctx context.Context, partSize int64, fill func(context.Context, *multipart) error) (stored *ingest.Stored, err error) {
	u.abortUnfinished(ctx)
	opts := u.opts
	if u.d.crc32c {
		opts.UserMetadata = maps.Clone(opts.UserMetadata)
		opts.UserMetadata["X-Amz-Checksum-Algorithm"] = "CRC32C"
	}
	m := &multipart{upload: u, partSize: partSize}
	var answer http.Header
	if m.id, err = u.d.api.NewMultipartUpload(withAnswer(ctx, &answer), u.d.bucket, u.key, opts); err != nil {
		return nil, u.failed(ctx, "starting the upload of", nil, err)
	}
	m.opaque.Store(encryptedByKey(answer))
	defer func() {
		if err != nil {
			err = alongside(err, u.abort(ctx, m.id))
		}
	}()
	if err := fill(ctx, m); err != nil {
		return nil, err
	}
	return m.complete(ctx)
}

// etag is the ETag that the object has when it is completed: that of the parts'
// digests. Where a part was not hashed its ETag stands for that.
func (m *multipart) etag() string {
	digests := md5.New() //nolint:gosec // as above
	for _, p := range m.parts {
		if p.md5 == nil {
			p.md5 = md5OfETag(p.etag)
		}
		digests.Write(p.md5)
	}
	return fmt.Sprintf("%s-%d", hex.EncodeToString(digests.Sum(nil)), len(m.parts))
}

// complete finishes the upload. An error does not tell whether the server did it
// all the same, so the object is looked at.
func (m *multipart) complete(ctx context.Context) (*ingest.Stored, error) {
	var size int64
	completed := make([]minio.CompletePart, len(m.parts))
	for i, p := range m.parts {
		completed[i] = minio.CompletePart{PartNumber: i + 1, ETag: p.etag, ChecksumCRC32C: p.crc32c}
		size += p.size
	}
	if m.obj.Len >= 0 && size != m.obj.Len {
		return nil, fmt.Errorf("storing %q: %d of %d bytes arrived", m.key, size, m.obj.Len)
	}
	want := m.etag()
	opts := minio.PutObjectOptions{}
	if m.d.createOnly {
		opts.SetMatchETagExcept("*")
	}
	defer working(ctx, size)()
	info, err := m.d.api.CompleteMultipartUpload(ctx, m.d.bucket, m.key, m.id, completed, opts)
	if err != nil {
		failure := m.failed(ctx, "completing the upload of", nil, err)
		now, statErr := m.d.api.StatObject(ctx, m.d.bucket, m.key, minio.StatObjectOptions{})
		if statErr != nil || now.ETag != want {
			return nil, failure
		}
		info = minio.UploadInfo{ETag: now.ETag, VersionID: now.VersionID}
	}
	return m.verify(ctx, info, size, want)
}

// putHashed sends a part that is in memory, with its MD5, which the server checks.
// It gives the buffer back.
func (m *multipart) putHashed(ctx context.Context, number int, buf *buffer) (*part, error) {
	defer buf.release()
	content := buf.bytes
	sum := md5.Sum(content) //nolint:gosec // as above
	p := &part{size: int64(len(content)), md5: sum[:]}
	opts := minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(p.md5)}
	if m.d.crc32c {
		p.crc32c = crc32c(content)
		opts.CustomHeader = http.Header{"X-Amz-Checksum-Crc32c": []string{p.crc32c}}
	}
	return p, m.tries(ctx, func() (err error) {
		if p.etag, err = m.send(ctx, number, bytes.NewReader(content), p.size, opts); err != nil {
			buf.spoilt = true
			return err
		}
		if want := hex.EncodeToString(p.md5); !m.opaque.Load() && isPlainETag(p.etag) && p.etag != want {
			return fmt.Errorf("%w: part %d of %s has the ETag %q, and %q was expected", errUnverified, number, m.d.uri(m.key), p.etag, want)
		}
		return nil
	})
}

// send sends a part, and returns its ETag.
func (m *multipart) send(ctx context.Context, number int, content io.Reader, size int64, opts minio.PutObjectPartOptions) (string, error) {
	// Here or in the ETags of the whole is the proof.
	opts.DisableContentSha256 = true
	// minio-go would repeat what can be sought; the tries are ours.
	var answer http.Header
	info, err := m.d.api.PutObjectPart(withAnswer(ctx, &answer), m.d.bucket, m.key, m.id, number, struct{ io.Reader }{content}, size, opts)
	if err != nil {
		return "", m.failed(ctx, fmt.Sprintf("storing part %d of", number), content, err)
	}
	if encryptedByKey(answer) {
		// MinIO does not say so before.
		m.opaque.Store(true)
	}
	return info.ETag, nil
}

// abort removes the parts of an unfinished upload, though the attempt may have
// been cancelled.
func (u *upload) abort(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(unlimited(context.WithoutCancel(ctx)), tidyTimeout)
	defer cancel()
	err := u.d.api.AbortMultipartUpload(ctx, u.d.bucket, u.key, id)
	if resp, ok := response(err); err == nil || (ok && resp.Code == "NoSuchUpload") {
		return nil
	}
	return u.failed(ctx, "aborting the upload of", nil, err)
}

// abortUnfinished aborts what is unfinished under the key. The queue gives an
// element to one worker at a time, so nobody is at work on it. It is tidiness: if
// it fails, or may not be done, the upload goes on.
func (u *upload) abortUnfinished(ctx context.Context) {
	result, err := u.d.api.ListMultipartUploads(ctx, u.d.bucket, u.key, "", "", "", maxUploads)
	if err != nil {
		u.d.log.Debugf("looking for unfinished uploads of %q: %v", u.key, err)
		return
	}
	for _, unfinished := range result.Uploads {
		if unfinished.Key != u.key {
			continue
		}
		if err := u.abort(ctx, unfinished.UploadID); err != nil {
			u.d.log.Warnf("an unfinished upload is left behind: %v", err)
		}
	}
}

// maxUploads is how many unfinished uploads are looked at.
const maxUploads = 100
