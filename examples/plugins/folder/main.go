// Command folder is a plugin for ingest, in a module of its own: a source and a
// destination that are folders of the machine.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/plugin"
)

// What a plugin registers is among ingest's metrics, labelled plugin_name="folder".
var opened = promauto.NewCounter(prometheus.CounterOpts{
	Name: "folder_opened_total",
	Help: "Files that were opened for reading.",
})

func main() {
	plugin.Serve(
		plugin.Source(func(config plugin.Config) (ingest.Source, error) {
			f, err := newFolder(config)
			return &source{folder: f}, err
		}),
		plugin.Destination(func(config plugin.Config) (ingest.Destination, error) {
			f, err := newFolder(config)
			return &destination{folder: f}, err
		}),
	)
}

// folder is what source and destination have in common.
type folder struct{ path string }

func newFolder(config plugin.Config) (folder, error) {
	var c struct{ Folder string }
	if err := config.Decode(&c); err != nil {
		return folder{}, err
	}
	if c.Folder == "" {
		return folder{}, errors.New("field folder: the path of a folder was expected")
	}
	path, err := filepath.Abs(c.Folder)
	return folder{path: path}, err
}

// within calls f with the folder, out of which no name leads. A folder that is not
// there is an outage: every object would fail.
func (f folder) within(do func(*os.Root) error) error {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return ingest.Outage(err)
	}
	defer root.Close()
	return kind(do(root))
}

// kind says what an error of the file system means for an object.
func kind(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return ingest.NotFound(err)
	}
	return err
}

// locate returns the URI of a file.
func (f folder) locate(name string) string {
	return "file://" + filepath.ToSlash(filepath.Join(f.path, filepath.FromSlash(name)))
}

// describe tells versions apart by size and time.
func describe(info os.FileInfo) *ingest.Object {
	return &ingest.Object{
		MimeType: "application/octet-stream",
		Len:      info.Size(),
		ETag:     fmt.Sprintf("%x-%x", info.Size(), info.ModTime().UnixNano()),
		ModTime:  info.ModTime(),
	}
}
