package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

var (
	_ ingest.AccessTester = (*source)(nil)
	_ ingest.AccessTester = (*destination)(nil)
)

// TestAccess implements ingest.AccessTester: it reads the folder's first entry,
// opens a file, and asks the operating system whether the file's folder may be
// changed.
func (s *source) TestAccess(ctx context.Context, access ingest.Access, beside *ingest.Codec) error {
	root, err := s.openToTest(ctx)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	switch access {
	case ingest.AccessList:
		return s.explain(readable(root), "listing", ".")
	case ingest.AccessGet:
		if beside == nil {
			return finding.Mend(fmt.Errorf("%w: no file is known to try it on", ingest.ErrNotTested),
				"check this together with the configuration that lists the folder")
		}
		file, _, err := s.openFile(ctx, beside.ID)
		if err == nil {
			return file.Close()
		}
		if errors.Is(err, ingest.ErrNotFound) {
			return fmt.Errorf("%w: %w", ingest.ErrNotTested, err)
		}
		return s.explain(err, "reading", beside.ID)
	case ingest.AccessDelete:
		dir := "."
		if beside != nil {
			dir = path.Dir(beside.ID)
		}
		return s.testWrite(root, dir, "removing files")
	}
	return fmt.Errorf("%w: a source has no use for %s", ingest.ErrNotTested, access)
}

// TestAccess implements ingest.AccessTester: it reads the folder's first entry,
// and asks the operating system whether the folder may be changed.
func (d *destination) TestAccess(ctx context.Context, access ingest.Access, _ *ingest.Codec) error {
	root, err := d.openToTest(ctx)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	switch access {
	case ingest.AccessList, ingest.AccessGet:
		return d.explain(readable(root), "reading", ".")
	case ingest.AccessPut, ingest.AccessDelete:
		return d.testWrite(root, deepest(root, path.Dir(d.prefix+"x")), "writing")
	}
	return fmt.Errorf("%w: a destination has no use for %s", ingest.ErrNotTested, access)
}

// openToTest opens the folder, or says what to do about it.
func (b base) openToTest(ctx context.Context) (*os.Root, error) {
	root, err := b.open(ctx)
	switch {
	case isMissing(err) || refused(err):
		return nil, finding.Mend(err, "make the folder, mount what it is in, or fix field %s", fieldPath)
	case errors.Is(err, fs.ErrPermission):
		return nil, finding.Mend(err, "let this user enter the folder, or fix field %s", fieldPath)
	}
	return root, err
}

// deepest is the last folder on the way to dir that exists.
func deepest(root *os.Root, dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := root.Stat(dir); err == nil && info.IsDir() {
			break
		}
	}
	return dir
}

func (b base) testWrite(root *os.Root, name, doing string) error {
	dir, err := root.Open(name)
	if err == nil {
		defer dir.Close() //nolint:errcheck // nothing is written
		err = mayWrite(dir)
	}
	if errors.Is(err, ingest.ErrNotTested) {
		return err
	}
	return b.explain(err, doing, name)
}

// explain says what to do about the error of a test.
func (b base) explain(err error, doing, name string) error {
	if err == nil || !isOneOf(err, refusedErrors) {
		return err
	}
	return finding.Mend(fmt.Errorf("%s is %w in %s: %w", doing, ingest.ErrDenied, path.Join(b.location, name), err),
		"give this user the permission (chmod, setfacl), or mount the file system so that it can be written to")
}
