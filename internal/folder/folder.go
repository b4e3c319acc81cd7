// Package folder names folders so that they can be compared.
package folder

import (
	"path/filepath"
	"strings"
)

// Location returns the absolute path of a folder, without symbolic links where
// they can be resolved, with forward slashes and one at the end.
func Location(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	path = filepath.ToSlash(path)
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path, nil
}
