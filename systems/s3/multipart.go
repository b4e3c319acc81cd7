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

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/ingest-bundle/ingest"
)

// multipart uploads the object in parts of a size, several at once. It aborts
// the upload on any failure, and so what earlier attempts, cut off by a crash,
// left unfinished under the key.
func (u *upload) multipart(ctx context.Context, partSize int64) (stored *ingest.Stored, err error) {
	first, end, err := u.readPart(ctx, partSize)
	if err != nil {
		return nil, err
	}
	if end && u.obj.PartSize == 0 {
		// The content turns out to fit into one part.
		defer first.release()
		if err := u.checkSize(int64(len(first.bytes))); err != nil {
			return nil, err
		}
		return u.put(ctx, first.bytes)
	}
	u.abortUnfinished(ctx)
	opts := u.opts
	if u.d.crc32c {
		opts.UserMetadata = maps.Clone(opts.UserMetadata)
		opts.UserMetadata["X-Amz-Checksum-Algorithm"] = "CRC32C"
	}
	id, err := u.d.api.NewMultipartUpload(ctx, u.d.bucket, u.key, opts)
	if err != nil {
		first.release()
		return nil, u.failed(ctx, "starting the upload of", err)
	}
	defer func() {
		if err != nil {
			err = alongside(err, u.abort(ctx, id))
		}
	}()
	parts, size, err := u.parts(ctx, id, partSize, first, end)
	if err != nil {
		return nil, err
	}
	if err := u.checkSize(size); err != nil {
		return nil, err
	}
	completed := make([]minio.CompletePart, len(parts))
	digests := md5.New() //nolint:gosec // as above
	for i, p := range parts {
		completed[i] = minio.CompletePart{PartNumber: i + 1, ETag: hex.EncodeToString(p.md5), ChecksumCRC32C: p.crc32c}
		digests.Write(p.md5)
	}
	want := fmt.Sprintf("%s-%d", hex.EncodeToString(digests.Sum(nil)), len(parts))
	return u.complete(ctx, id, completed, size, want)
}

// checkSize refuses content that is not as long as it was announced.
func (u *upload) checkSize(size int64) error {
	if u.obj.Len >= 0 && size != u.obj.Len {
		return fmt.Errorf("storing %q: %d of %d bytes arrived", u.key, size, u.obj.Len)
	}
	return nil
}

// complete finishes the upload. An error does not tell whether the server did it
// all the same, so the object is looked at.
func (u *upload) complete(ctx context.Context, id string, parts []minio.CompletePart, size int64, want string) (*ingest.Stored, error) {
	opts := minio.PutObjectOptions{}
	if u.d.createOnly {
		opts.SetMatchETagExcept("*")
	}
	info, err := u.d.api.CompleteMultipartUpload(ctx, u.d.bucket, u.key, id, parts, opts)
	if err != nil {
		failure := u.failed(ctx, "completing the upload of", err)
		now, statErr := u.d.api.StatObject(ctx, u.d.bucket, u.key, minio.StatObjectOptions{})
		if statErr != nil || now.ETag != want {
			return nil, failure
		}
		info = minio.UploadInfo{ETag: now.ETag, VersionID: now.VersionID}
	}
	return u.verify(ctx, info, size, want)
}

// part is one part that the server was seen to hold.
type part struct {
	md5    []byte
	crc32c string
}

// parts reads the content part by part, and uploads each as soon as it is read.
func (u *upload) parts(ctx context.Context, id string, partSize int64, buf *buffer, end bool) (parts []*part, size int64, err error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(u.d.parallelParts)
	for {
		if len(parts) == maxParts {
			buf.release()
			_ = group.Wait()
			return nil, 0, ingest.Permanent(fmt.Errorf("storing %q: the content has more than %d parts of %d bytes: set field %s higher", u.key, maxParts, partSize, fieldPartSize))
		}
		p := &part{}
		parts = append(parts, p)
		size += int64(len(buf.bytes))
		number, content := len(parts), buf
		group.Go(func() error {
			defer content.release()
			return u.putPart(groupCtx, id, number, content.bytes, p)
		})
		if end {
			return parts, size, group.Wait()
		}
		if buf, end, err = u.readPart(groupCtx, partSize); err != nil {
			// A part that failed cancels the reading, and is the reason.
			if failed := group.Wait(); failed != nil {
				err = failed
			}
			return nil, 0, err
		}
		if end && len(buf.bytes) == 0 {
			buf.release()
			return parts, size, group.Wait()
		}
	}
}

// readPart reads the next part, and says whether the content ends with it.
func (u *upload) readPart(ctx context.Context, partSize int64) (buf *buffer, end bool, err error) {
	if buf, err = u.d.buffers.get(ctx, partSize); err != nil {
		return nil, false, err
	}
	n, err := io.ReadFull(u.obj.Reader, buf.bytes)
	buf.bytes = buf.bytes[:n]
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF: //nolint:errorlint // only ReadFull's own are the end; a broken connection wraps the second
		return buf, true, nil
	case err != nil:
		buf.release()
		return nil, false, err
	}
	return buf, false, nil
}

func (u *upload) putPart(ctx context.Context, id string, number int, content []byte, p *part) error {
	sum := md5.Sum(content) //nolint:gosec // as above
	p.md5 = sum[:]
	opts := minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(p.md5), DisableContentSha256: true}
	if u.d.crc32c {
		p.crc32c = crc32c(content)
		opts.CustomHeader = http.Header{"X-Amz-Checksum-Crc32c": []string{p.crc32c}}
	}
	answer, err := u.d.api.PutObjectPart(ctx, u.d.bucket, u.key, id, number, bytes.NewReader(content), int64(len(content)), opts)
	if err != nil {
		return u.failed(ctx, fmt.Sprintf("storing part %d of", number), err)
	}
	if want := hex.EncodeToString(p.md5); plainETag.MatchString(answer.ETag) && answer.ETag != want {
		return fmt.Errorf("%w: part %d of %s has the ETag %q, and %q was expected", errUnverified, number, u.d.uri(u.key), answer.ETag, want)
	}
	return nil
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
	return u.failed(ctx, "aborting the upload of", err)
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
