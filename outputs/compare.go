package outputs

import (
	"bytes"
	"regexp"

	"github.com/ingest-bundle/ingest"
)

// contentETag matches ETags that are digests of content: an MD5, or for
// multipart uploads the MD5 of the parts' MD5s and their number.
var contentETag = regexp.MustCompile(`^[0-9a-f]{32}(-[0-9]+)?$`)

// upToDate reports whether what is held is proved to be the content of src. It
// takes equal digests over equal parts, or the destination's own record that it
// verified a copy of this very version; never a name, a size or a time alone.
func upToDate(src *ingest.Object, held *ingest.Stored) bool {
	if src == nil || held == nil || (src.Len >= 0 && src.Len != held.Len) {
		return false
	}
	if src.MD5 != nil && held.MD5 != nil {
		return bytes.Equal(src.MD5, held.MD5)
	}
	if src.ETag == held.ETag && contentETag.MatchString(src.ETag) && src.Len >= 0 {
		return true
	}
	version := src.Version()
	return version != "" && held.SourceVersion == version
}
