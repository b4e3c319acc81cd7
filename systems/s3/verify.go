package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags are what they are
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// errUnverified says that what a server says it holds is not what was sent.
var errUnverified = errors.New("the server does not hold what was sent")

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
		return nil, alongside(mismatch, u.failed(tidy, "looking at what was stored as", nil, err))
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
		return u.failed(ctx, "removing what failed verification as", nil, err)
	}
	return nil
}

// md5OfETag returns the digest that a plain ETag is, or nil.
func md5OfETag(etag string) []byte {
	sum, err := hex.DecodeString(etag)
	if err != nil || len(sum) != md5.Size || strings.ToLower(etag) != etag {
		return nil
	}
	return sum
}

// isPlainETag reports whether an ETag is that of an object in one piece.
func isPlainETag(etag string) bool { return md5OfETag(etag) != nil }
