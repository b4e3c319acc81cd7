package s3

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/ingest-bundle/ingest"
)

const (
	// maxKey is S3's own limit, in bytes.
	maxKey = 1024
	// maxSegment is what the file systems beneath MinIO, versitygw and
	// others take, in bytes.
	maxSegment = 255
)

// ErrKey is the permanent error for a key that cannot be stored byte for byte.
var ErrKey = errors.New("the key cannot be stored byte for byte")

// checkKey refuses keys that a server might store as another key, which would
// overwrite that one's object, and keys that none takes.
func checkKey(key string, allowUnsafe bool) error {
	reason := ""
	switch {
	case key == "":
		reason = "it is empty"
	case len(key) > maxKey:
		reason = fmt.Sprintf("it has %d bytes, at most %d are allowed", len(key), maxKey)
	case !utf8.ValidString(key):
		reason = "it is not valid UTF-8"
	case strings.ContainsRune(key, 0):
		reason = "it holds a NUL"
	case !allowUnsafe:
		reason = unsafeReason(key)
	}
	if reason == "" {
		return nil
	}
	return ingest.Permanent(fmt.Errorf("%w: %q: %s", ErrKey, key, reason))
}

func unsafeReason(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		switch {
		case s == "" && i < len(segments)-1:
			return "it has an empty segment, which some servers drop (see field " + fieldUnsafeKeys + ")"
		case s == "." || s == "..":
			return "it has a segment " + s + ", which some servers resolve (see field " + fieldUnsafeKeys + ")"
		case len(s) > maxSegment:
			return fmt.Sprintf("it has a segment of %d bytes, and some servers take at most %d (see field %s)", len(s), maxSegment, fieldUnsafeKeys)
		}
	}
	return ""
}

func isAWS(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}
