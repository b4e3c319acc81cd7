package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

// CleanUp implements ingest.Client. It removes whatever is there, so only
// CleanUpVersion is safe against a source that changes.
func (s *source) CleanUp(ctx context.Context, codec ingest.Codec) error {
	err := s.api.RemoveObject(ctx, s.bucket, codec.ID, minio.RemoveObjectOptions{})
	if err != nil && !isMissing(err) {
		return s.failed(ctx, accessWrite, fmt.Sprintf("removing %q", codec.ID), err)
	}
	return nil
}

// CleanUpVersion implements ingest.VersionedClient. It looks, and then removes on
// the condition that the ETag is still the same. A server that ignores the
// condition leaves a window between the two, the time of one request. On a
// versioned bucket what is removed only gets a delete marker, and a marker that
// came to cover a newer version is taken back.
func (s *source) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	now, err := s.Stat(ctx, codec)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !version.SameVersion(now) {
		return fmt.Errorf("%s: %w", s.uri(codec.ID), ingest.ErrChanged)
	}
	var answer http.Header
	conditional := withAnswer(ctx, &answer)
	if version.ETag != "" {
		conditional = withIfMatch(conditional, version.ETag)
	}
	err = s.api.RemoveObject(conditional, s.bucket, codec.ID, minio.RemoveObjectOptions{})
	switch {
	case hasStatus(err, http.StatusPreconditionFailed):
		return fmt.Errorf("%s: %w", s.uri(codec.ID), ingest.ErrChanged)
	case err != nil && !isMissing(err):
		return s.failed(ctx, accessWrite, fmt.Sprintf("removing %q", codec.ID), err)
	}
	if answer.Get("X-Amz-Delete-Marker") != "true" {
		return nil
	}
	return s.uncoverNewer(ctx, codec, version, answer.Get("X-Amz-Version-Id"))
}

// uncoverNewer removes our delete marker again if it covers a version other than
// the one that was copied.
func (s *source) uncoverNewer(ctx context.Context, codec ingest.Codec, version *ingest.Object, marker string) error {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := false
	for info := range s.api.ListObjectsIter(listing, s.bucket, minio.ListObjectsOptions{Prefix: codec.ID, WithVersions: true, Recursive: true}) {
		switch {
		case info.Err != nil:
			return s.failed(ctx, accessRead, fmt.Sprintf("looking at the versions of %q", codec.ID), info.Err)
		case info.Key != codec.ID:
			return nil
		case info.IsDeleteMarker && info.VersionID == marker:
			seen = true
		case info.IsDeleteMarker || !seen:
			// Markers beneath are older deletions; versions above came later.
		case version.SameVersion(&ingest.Object{Len: info.Size, ETag: info.ETag, ModTime: info.LastModified}):
			return nil
		default:
			err := s.api.RemoveObject(ctx, s.bucket, codec.ID, minio.RemoveObjectOptions{VersionID: marker})
			if err != nil {
				return s.failed(ctx, accessWrite, fmt.Sprintf("removing the delete marker that covers a newer version of %q", codec.ID), err)
			}
			return fmt.Errorf("%s: %w", s.uri(codec.ID), ingest.ErrChanged)
		}
	}
	return listing.Err()
}
