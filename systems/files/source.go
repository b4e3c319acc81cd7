package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// source lists and fetches.
type source struct {
	base
	followSymlinks  bool
	inodes          bool
	removeEmptyDirs bool

	scan filter
	walk *walk
}

var (
	_ ingest.Source          = (*source)(nil)
	_ ingest.Lister          = (*source)(nil)
	_ ingest.VersionedClient = (*source)(nil)
	_ ingest.Locator         = (*source)(nil)
)

func newSource(conf *service.ParsedConfig) (*source, error) {
	s := &source{}
	var err error
	if s.base, err = baseFromParsed(conf); err != nil {
		return nil, err
	}
	for field, into := range map[string]*bool{
		fieldFollowSymlinks:  &s.followSymlinks,
		fieldInodes:          &s.inodes,
		fieldRemoveEmptyDirs: &s.removeEmptyDirs,
	} {
		if *into, err = conf.FieldBool(field); err != nil {
			return nil, err
		}
	}
	if conf.Contains(fieldRecursive) {
		s.scan, err = filterFromParsed(conf)
	}
	return s, err
}

// Location implements ingest.Locator.
func (s *source) Location(codec ingest.Codec) string { return s.uri(codec.ID) }

// Download implements ingest.Client.
func (s *source) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	file, obj, err := s.openFile(ctx, codec.ID)
	if err != nil {
		return nil, err
	}
	if obj.MimeType == "" {
		if obj.MimeType, err = sniff(file); err != nil {
			_ = file.Close()
			return nil, s.failed(ctx, accessRead, "reading", codec.ID, err)
		}
	}
	described := *obj
	obj.Reader = &content{file: file, ctx: ctx, s: s, name: codec.ID, opened: &described}
	return obj, nil
}

// DownloadVersion implements ingest.VersionedClient.
func (s *source) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := s.Download(ctx, codec)
	if err != nil {
		return nil, err
	}
	if !version.SameVersion(obj) {
		_ = obj.Close()
		return nil, s.changed(codec.ID)
	}
	return obj, nil
}

func (s *source) changed(name string) error {
	return fmt.Errorf("%s: %w", s.uri(name), ingest.ErrChanged)
}

// Stat implements ingest.VersionedClient.
func (s *source) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	root, err := s.openFor(ctx, codec.ID)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	info, err := s.look(ctx, root, codec.ID)
	if err != nil {
		return nil, err
	}
	return s.describe(codec.ID, info), nil
}

// openFor opens the folder for a file, unless that cannot be in it.
func (s *source) openFor(ctx context.Context, name string) (*os.Root, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return s.open(ctx)
}

// look describes a file. What is no file, such as a folder or a symbolic link
// that is not to be followed, is not there.
func (s *source) look(ctx context.Context, root *os.Root, name string) (fs.FileInfo, error) {
	stat := root.Lstat
	if s.followSymlinks {
		stat = root.Stat
	} else if s.beneathLink(root, name) {
		return nil, s.missing(name)
	}
	info, err := stat(name)
	switch {
	case isMissing(err):
		return nil, s.missing(name)
	case err != nil:
		return nil, s.failed(ctx, accessRead, "looking at", name, err)
	case !info.Mode().IsRegular():
		return nil, s.missing(name)
	}
	return info, nil
}

// beneathLink reports whether a folder on the way to the file is a symbolic link.
func (s *source) beneathLink(root *os.Root, name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// openFile opens a file, and describes what it opened.
func (s *source) openFile(ctx context.Context, name string) (*os.File, *ingest.Object, error) {
	root, err := s.openFor(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	looked, err := s.look(ctx, root, name)
	if err != nil {
		return nil, nil, err
	}
	file, err := root.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if isMissing(err) {
		return nil, nil, s.missing(name)
	}
	if err != nil {
		return nil, nil, s.failed(ctx, accessRead, "opening", name, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = s.failed(ctx, accessRead, "looking at", name, err)
	case !os.SameFile(looked, info):
		// Something else was put in its place between the two.
		err = s.changed(name)
	default:
		return file, s.describe(name, info), nil
	}
	_ = file.Close()
	return nil, nil, err
}
