package s3

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

const metaPrefix = "X-Amz-Meta-"

var multipartETag = regexp.MustCompile(`^[0-9a-f]{32}-([0-9]+)$`)

// describe makes an object of what a GET or a HEAD answered.
func (s *source) describe(ctx context.Context, info minio.ObjectInfo, header http.Header) *ingest.Object {
	obj := &ingest.Object{
		MimeType:           header.Get("Content-Type"),
		Len:                info.Size,
		ETag:               info.ETag,
		VersionID:          info.VersionID,
		ModTime:            info.LastModified,
		ContentEncoding:    contentEncoding(header),
		ContentDisposition: header.Get("Content-Disposition"),
		ContentLanguage:    header.Get("Content-Language"),
		CacheControl:       header.Get("Cache-Control"),
		Metadata:           map[string]string{},
	}
	for k, v := range header {
		if strings.HasPrefix(k, metaPrefix) && len(v) > 0 {
			obj.Metadata[strings.TrimPrefix(k, metaPrefix)] = v[0]
		}
	}
	if !s.opaque && !encryptedByKey(header) {
		obj.MD5 = md5OfETag(info.ETag)
	}
	obj.Tags = s.tagsOf(ctx, info)
	if info.ETag != "" && !s.rangeless.Load() {
		obj.Range = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return s.openRange(ctx, info.Key, info.ETag, offset, length)
		}
	}
	return obj
}

// contentEncoding leaves out the encoding of the transfer, which some servers
// keep with the object.
func contentEncoding(header http.Header) string {
	var kept []string
	for _, e := range strings.Split(header.Get("Content-Encoding"), ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			kept = append(kept, e)
		}
	}
	return strings.Join(kept, ",")
}

// encryptedByKey reports whether the object's ETag is no MD5, because it is
// encrypted with a key of its own.
func encryptedByKey(header http.Header) bool {
	return strings.HasPrefix(header.Get("X-Amz-Server-Side-Encryption"), "aws:kms") ||
		header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != ""
}

// addPartSize finds the size of the parts that a multipart ETag was computed
// over, where all but the last have one size.
func (s *source) addPartSize(ctx context.Context, key string, obj *ingest.Object) error {
	m := multipartETag.FindStringSubmatch(obj.ETag)
	if m == nil || s.opaque {
		return nil
	}
	parts, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || parts < 1 {
		return nil
	}
	if parts == 1 {
		obj.PartSize = obj.Len
		return nil
	}
	opts := minio.StatObjectOptions{PartNumber: 1}
	if err := opts.SetMatchETag(obj.ETag); err != nil {
		return nil
	}
	first, err := s.api.StatObject(ctx, s.bucket, key, opts)
	switch {
	case hasStatus(err, http.StatusPreconditionFailed) || isMissing(err):
		return s.readFailed(ctx, "looking at", key, err)
	case err != nil:
		// Not every server knows parts. Without them the copy gets parts of
		// our own size.
		return nil
	}
	if size := first.Size; size > 0 && size < obj.Len && (obj.Len+size-1)/size == parts {
		obj.PartSize = size
	}
	return nil
}
