package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/minio/minio-go/v7"
)

// tagCounts says whether objects of which the source counts no tags have none.
type tagCounts struct {
	mu             sync.Mutex
	known, counted bool
}

// tagsOf returns what fetches the tags of an object, or nil if it has none.
func (s *source) tagsOf(ctx context.Context, info minio.ObjectInfo) func(context.Context) (map[string]string, error) {
	if info.UserTagCount == 0 && s.countsTags(ctx, info) {
		return nil
	}
	return func(ctx context.Context) (map[string]string, error) {
		set, err := s.readTags(ctx, info)
		if err == nil {
			return set, nil
		}
		failure := s.readFailed(ctx, "reading the tags of", info.Key, err)
		if isAccessDenied(err) {
			failure = fmt.Errorf("%w: grant s3:GetObjectTagging (and s3:GetObjectVersionTagging where the bucket has versions), or leave tags behind with `%s: false` of the output", failure, fieldTags)
		}
		return nil, failure
	}
}

// countsTags asks for the tags of the first object of which none are counted: AWS
// counts them only for those who may read them, and other servers may never do.
func (s *source) countsTags(ctx context.Context, info minio.ObjectInfo) bool {
	c := &s.tagCounts
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		set, err := s.readTags(ctx, info)
		c.known = err == nil || isAccessDenied(err)
		c.counted = err == nil && len(set) == 0
	}
	return c.counted
}

// readTags returns none where neither the object nor the server has any. Servers that
// know nothing of tags refuse the question, or answer with the object's content.
func (s *source) readTags(ctx context.Context, info minio.ObjectInfo) (map[string]string, error) {
	set, err := s.api.GetObjectTagging(ctx, s.bucket, info.Key, minio.GetObjectTaggingOptions{VersionID: info.VersionID})
	resp, _ := response(err)
	switch {
	case resp.Code == "NoSuchTagSet":
		return nil, nil
	case info.UserTagCount == 0 && (resp.StatusCode == http.StatusNotImplemented || resp.StatusCode == http.StatusMethodNotAllowed || isNoXML(err)):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return set.ToMap(), nil
}

// isNoXML reports whether an answer that came whole is not what was asked for.
func isNoXML(err error) bool {
	var syntax *xml.SyntaxError
	var other xml.UnmarshalError
	return errors.As(err, &syntax) || errors.As(err, &other) || errors.Is(err, io.EOF)
}
