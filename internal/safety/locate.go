package safety

import (
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	// enginePath and engineStream are what the engine says of a component that it
	// cannot make: where it is in its configuration, and the stream that this is.
	enginePath   = regexp.MustCompile(` path root\.([\w.]+)`)
	engineStream = regexp.MustCompile(`failed to create stream \((.+?)\)`)
)

// Locate finds the place in one of the files, which are run together, that an error
// of the engine speaks of by its path.
func Locate(files map[string][]byte, engineError string) (Finding, bool) {
	path := enginePath.FindStringSubmatch(engineError)
	if path == nil {
		return Finding{}, false
	}
	stream := engineStream.FindStringSubmatch(engineError)
	var found []Finding
	for file, text := range files {
		base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if stream != nil && base != stream[1] {
			continue
		}
		var doc yaml.Node
		if yaml.Unmarshal(text, &doc) != nil {
			continue
		}
		if node := at(&doc, strings.Split(path[1], ".")); node != nil {
			found = append(found, Finding{File: file, Line: node.Line, Text: engineError})
		}
	}
	// Two files of one name are two places: none is told of then.
	if len(found) != 1 {
		return Finding{}, false
	}
	return found[0], true
}
