package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// Delete implements ingest.Deleter. The metafile goes first, so that none is left.
// On a versioned bucket the object only gets a delete marker.
func (d *destination) Delete(ctx context.Context, codec ingest.Codec, held *ingest.Stored) error {
	key, err := d.key(codec)
	if err != nil {
		return err
	}
	if d.metafilesPrefix != "" {
		if strings.HasPrefix(key, d.metafilesPrefix) {
			return ingest.Permanent(fmt.Errorf("%s is a metafile: it goes with its object", d.uri(key)))
		}
		if err := d.delete(ctx, d.metafilesPrefix+codec.Name+".done"); err != nil {
			return err
		}
	}
	if held.ETag != "" {
		ctx = withIfMatch(ctx, held.ETag)
	}
	return d.delete(ctx, key)
}

// delete removes what is there. Objects may have rules of their own, such as a
// retention, so that a refusal is not one of everything.
func (d *destination) delete(ctx context.Context, key string) error {
	err := d.api.RemoveObject(ctx, d.bucket, key, minio.RemoveObjectOptions{})
	switch {
	case err == nil || isMissing(err):
		return nil
	case hasStatus(err, http.StatusPreconditionFailed):
		return fmt.Errorf("%s changed when it was to be deleted", d.uri(key))
	}
	return d.failed(ctx, accessRead, fmt.Sprintf("deleting %q", key), err)
}
