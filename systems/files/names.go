package files

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/ingest-bundle/ingest"
)

const (
	// maxName is what Linux takes for a path, in bytes.
	maxName = 4096
	// maxSegment is what file systems take for one name, in bytes.
	maxSegment = 255

	// tempPrefix begins the names of files that are being written.
	tempPrefix = ".ingest-tmp-"
	// asidePrefix begins the names of the folders that a clean-up moves a
	// file into.
	asidePrefix = ".ingest-clean-up-"
)

// ErrName is the permanent error for a name that no file beneath the folder can
// have.
var ErrName = errors.New("the name cannot be that of a file in the folder")

// checkName refuses names that lead out of the folder, that the operating system
// would resolve to another name, that none takes, and those of our own files.
func checkName(name string) error {
	if reason := refusal(name); reason != "" {
		return ingest.Permanent(fmt.Errorf("%w: %q: %s", ErrName, name, reason))
	}
	if _, err := filepath.Localize(name); err != nil {
		return ingest.Permanent(fmt.Errorf("%w: %q: %w", ErrName, name, err))
	}
	return nil
}

func refusal(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxName:
		return fmt.Sprintf("it has %d bytes, at most %d are allowed", len(name), maxName)
	case !utf8.ValidString(name):
		return "it is not valid UTF-8"
	case strings.ContainsRune(name, 0):
		return "it holds a NUL"
	case strings.HasPrefix(name, "/"):
		return "it begins with a slash"
	case strings.HasSuffix(name, "/"):
		return "it ends with a slash, as the name of a folder does"
	}
	for s := range strings.SplitSeq(name, "/") {
		switch {
		case s == "":
			return "it has an empty segment"
		case s == "." || s == "..":
			return "it has a segment " + s
		case len(s) > maxSegment:
			return fmt.Sprintf("it has a segment of %d bytes, at most %d are allowed", len(s), maxSegment)
		case isOurs(s):
			return "it has a segment that begins as the names of our own temporary files do"
		}
	}
	return ""
}

// isOurs reports whether a file or folder is one that is there only while
// something is being done.
func isOurs(segment string) bool {
	return strings.HasPrefix(segment, tempPrefix) || strings.HasPrefix(segment, asidePrefix)
}
