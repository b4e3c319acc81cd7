package drive

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ingest-bundle/ingest"
)

// ErrName is the permanent error for a name that cannot be stored as it is.
var ErrName = errors.New("the name cannot be stored as it is")

// checkSegment refuses what Drive would store under another name.
func checkSegment(name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "a folder or file without a name is in it"
	case !utf8.ValidString(name):
		reason = "it is not valid UTF-8"
	case strings.ContainsRune(name, 0):
		reason = "it holds a NUL"
	default:
		return nil
	}
	return ingest.Permanent(fmt.Errorf("%w: %q: %s", ErrName, name, reason))
}

// split returns the path of the folder and the name of the file that an object is
// stored under.
func (c *config) split(name string) (folder []string, file string, err error) {
	segments := []string{name}
	if c.subFolders {
		segments = strings.Split(name, "/")
	}
	for _, s := range segments {
		if err := checkSegment(s); err != nil {
			return nil, "", fmt.Errorf("%q: %w", name, err)
		}
	}
	last := len(segments) - 1
	return append(c.folder[:len(c.folder):len(c.folder)], segments[:last]...), segments[last], nil
}

var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// quote makes a string of the query language.
func quote(s string) string { return "'" + quoted.Replace(s) + "'" }
