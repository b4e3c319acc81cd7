package s3

import (
	"context"
	"maps"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/ingest-bundle/ingest"
)

// copyTag is the tag that records a verified copy where ETags cannot be
// compared: <ETag of the copy>:<version of the source's object>. It is written
// after verification, so it never vouches for what an attempt that failed left,
// and the ETag in it makes it void for anything that is stored later.
const copyTag = "ingest-copy"

// recordCopy writes the record. Without it the object is copied again by the next
// scan, which is no loss, so that failing is no failure of the copy.
func (d *destination) recordCopy(ctx context.Context, key string, obj *ingest.Object, stored *ingest.Stored, carried map[string]string) {
	version := obj.Version()
	if version == "" || stored.ETag == "" {
		return
	}
	all := map[string]string{copyTag: stored.ETag + ":" + version}
	maps.Copy(all, carried)
	set, err := tags.NewTags(all, true)
	if err == nil {
		err = d.api.PutObjectTagging(ctx, d.bucket, key, set, minio.PutObjectTaggingOptions{VersionID: stored.VersionID})
	}
	if err != nil {
		d.log.Warnf("every scan will copy %s again, since the server keeps no record of what was copied: %v", d.uri(key), err)
	}
}

// copyRecord returns the version that the object is recorded as a copy of, or "".
func (d *destination) copyRecord(ctx context.Context, key string, info minio.ObjectInfo) string {
	set, err := d.api.GetObjectTagging(ctx, d.bucket, key, minio.GetObjectTaggingOptions{VersionID: info.VersionID})
	if err != nil {
		d.log.Debugf("reading the tags of %s: %v", d.uri(key), err)
		return ""
	}
	version, ok := strings.CutPrefix(set.ToMap()[copyTag], info.ETag+":")
	if !ok {
		return ""
	}
	return version
}
