package files

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/folder"
)

const fieldPath = "path"

// base is the folder that a component works in.
type base struct {
	// path is absolute.
	path string
	// location tells one folder from another.
	location string
}

func baseFromParsed(conf *service.ParsedConfig) (b base, err error) {
	path, err := conf.FieldString(fieldPath)
	if err != nil {
		return b, err
	}
	if path == "" {
		return b, fmt.Errorf("field %s: the path of a folder was expected", fieldPath)
	}
	if b.path, err = filepath.Abs(path); err != nil {
		return b, fmt.Errorf("field %s: %w", fieldPath, err)
	}
	if b.location, err = folder.Location(path); err != nil {
		return b, fmt.Errorf("field %s: %w", fieldPath, err)
	}
	return b, nil
}

// open opens the folder. It is opened anew for everything that is done, so that
// a file system which is mounted or unmounted meanwhile is noticed.
func (b base) open(ctx context.Context) (*os.Root, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	root, err := os.OpenRoot(b.path)
	if err != nil {
		return nil, b.unreachable(err)
	}
	return root, nil
}

// uri is where a file is, for people and for comparisons.
func (b base) uri(name string) string {
	path := b.location + name
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// TestConnection implements ingest.ConnectionTester: it opens the folder and
// reads its first entry.
func (b base) TestConnection(ctx context.Context) error {
	root, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	if err := readable(root); err != nil {
		return b.unreachable(err)
	}
	return nil
}

func readable(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing is written
	if _, err = dir.ReadDir(1); isEnd(err) {
		return nil
	}
	return err
}

var _ ingest.ConnectionTester = base{}
