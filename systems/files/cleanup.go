package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/ingest-bundle/ingest"
)

// CleanUp implements ingest.Client. It removes whatever is there, so only
// CleanUpVersion is safe against a source that changes.
func (s *source) CleanUp(ctx context.Context, codec ingest.Codec) error {
	root, err := s.openFor(ctx, codec.ID)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	_, err = s.look(ctx, root, codec.ID)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, root, codec.ID, codec.ID)
}

// CleanUpVersion implements ingest.VersionedClient. It moves the file aside, so
// that nothing can be put in its place, and then looks at what it has moved. A
// program that writes into the open file between that look and the removal loses
// what it writes.
func (s *source) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	root, err := s.openFor(ctx, codec.ID)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	info, err := s.look(ctx, root, codec.ID)
	if errors.Is(err, ingest.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !version.SameVersion(s.describe(codec.ID, info)) {
		return s.changed(codec.ID)
	}
	if link, err := root.Lstat(codec.ID); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		// It leads elsewhere from another folder, and holds no content.
		return s.remove(ctx, root, codec.ID, codec.ID)
	}
	return s.removeAside(ctx, root, codec.ID, version)
}

func (s *source) removeAside(ctx context.Context, root *os.Root, name string, version *ingest.Object) error {
	aside := path.Join(path.Dir(name), asidePrefix+rand.Text())
	if err := root.Mkdir(aside, 0o700); err != nil {
		return s.failed(ctx, accessWrite, "making a folder to clean up", name, err)
	}
	moved := path.Join(aside, path.Base(name))
	err := root.Rename(name, moved)
	if err == nil {
		var info fs.FileInfo
		if info, err = root.Lstat(moved); err == nil && version.SameVersion(s.describe(name, info)) {
			err = s.remove(ctx, root, moved, name)
		} else {
			err = errors.Join(s.changed(name), err, putBack(root, moved, name))
		}
	} else if isMissing(err) {
		err = nil
	} else {
		err = s.failed(ctx, accessWrite, "moving aside", name, err)
	}
	// Where something is left in it, it stays.
	_ = root.Remove(aside)
	if err == nil && s.removeEmptyDirs {
		removeEmpty(root, path.Dir(name))
	}
	return err
}

// remove removes what was name.
func (s *source) remove(ctx context.Context, root *os.Root, at, name string) error {
	if err := root.Remove(at); err != nil && !isMissing(err) {
		return s.failed(ctx, accessWrite, "removing", name, err)
	}
	return nil
}

// removeEmpty removes a folder, and those above it, as long as they are empty.
func removeEmpty(root *os.Root, dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err != nil || !info.IsDir() || root.Remove(dir) != nil {
			return
		}
	}
}

// putBack moves a file to where it was, and in the place of nothing else.
func putBack(root *os.Root, moved, name string) error {
	err := root.Link(moved, name)
	switch {
	case err == nil:
		return root.Remove(moved)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("there is a newer file of its name, and what was there before is now at %q: %w", moved, err)
	}
	// The file system has no links, or does not let us make this one.
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it stays at %q: %w", moved, errors.Join(err, fs.ErrExist))
	}
	return root.Rename(moved, name)
}

// interrupted is how old what was moved aside must be for its clean-up to be
// taken as interrupted: it takes a moment only.
const interrupted = time.Minute

// putBackStale puts back what a clean-up that was interrupted has moved aside.
func (s *source) putBackStale(aside entry) error {
	info, err := aside.Info()
	if err != nil || time.Since(info.ModTime()) < interrupted {
		return nil
	}
	root := s.walk.root
	dir, err := root.Open(aside.name)
	if err != nil {
		return s.leftOut("opening", aside.name, err)
	}
	defer dir.Close() //nolint:errcheck // nothing is written
	moved, err := dir.ReadDir(-1)
	for _, m := range moved {
		err = errors.Join(err, putBack(root, path.Join(aside.name, m.Name()), path.Join(path.Dir(aside.name), m.Name())))
	}
	if err != nil {
		return s.leftOut("putting back what was moved to", aside.name, err)
	}
	_ = root.Remove(aside.name)
	return nil
}
