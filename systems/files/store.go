package files

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the digest that stores compare, no secret
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/ingest-bundle/ingest"
)

// errDamaged says that what was read is not what the source says it has.
var errDamaged = errors.New("damaged on the way")

// Store implements ingest.Destination.
func (d *destination) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	root, name, err := d.openFor(ctx, codec)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	d.tidy.Do(func() { go d.removeStale() })
	temp, file, err := d.createTemp(root, path.Dir(name))
	if err != nil {
		return nil, d.failed(ctx, accessWrite, "making a file for", name, err)
	}
	// The lock lasts until the file has its name.
	defer file.Close() //nolint:errcheck // what was written was brought to disk
	stored, err := d.write(ctx, root, name, temp, file, &obj)
	if err != nil {
		_ = root.Remove(temp)
		return nil, err
	}
	return stored, nil
}

// createTemp makes a file under a hidden name, and the folders for it.
func (d *destination) createTemp(root *os.Root, dir string) (string, *os.File, error) {
	temp, file, err := newTemp(root, dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return temp, file, err
	}
	if err := d.makeFolders(root, dir); err != nil {
		return "", nil, err
	}
	return newTemp(root, dir)
}

func newTemp(root *os.Root, dir string) (string, *os.File, error) {
	for {
		temp := path.Join(dir, tempPrefix+rand.Text())
		file, err := root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return "", nil, err
		}
		mine, err := lock(file)
		if _, gone := root.Lstat(temp); (mine || err != nil) && gone == nil {
			return temp, file, nil
		}
		// Whoever removes what is stale came before the lock.
		_ = file.Close()
	}
}

// makeFolders makes a folder and those above it, and brings their names to disk.
func (d *destination) makeFolders(root *os.Root, dir string) error {
	err := root.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		if err := d.makeFolders(root, path.Dir(dir)); err != nil {
			return err
		}
		err = root.Mkdir(dir, 0o777)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		// Another worker was faster. A file in its place is found at once.
		return nil
	case err != nil:
		return err
	case d.dirMode != nil:
		if err := root.Chmod(dir, *d.dirMode); err != nil {
			return err
		}
	}
	return syncFolder(root, path.Dir(dir))
}

// write fills the temporary file, verifies it, and gives it its name.
func (d *destination) write(ctx context.Context, root *os.Root, name, temp string, file *os.File, obj *ingest.Object) (*ingest.Stored, error) {
	sum := md5.New() //nolint:gosec // as above
	to := &sink{ctx: ctx, w: file}
	n, err := io.Copy(io.MultiWriter(to, sum), obj.Reader)
	switch {
	case to.err != nil:
		return nil, d.failed(ctx, accessWrite, "writing", name, to.err)
	case err != nil:
		return nil, err
	case obj.Len >= 0 && n != obj.Len:
		return nil, fmt.Errorf("%w: %d of %d bytes arrived", errDamaged, n, obj.Len)
	case obj.MD5 != nil && !bytes.Equal(obj.MD5, sum.Sum(nil)):
		return nil, fmt.Errorf("%w: the MD5 is %x and was announced as %x", errDamaged, sum.Sum(nil), obj.MD5)
	}
	stored := &ingest.Stored{URI: d.uri(name), Len: n, MD5: sum.Sum(nil), Verified: true}
	if stored.ModTime, err = d.finish(root, temp, file, obj, stored); err != nil {
		return nil, d.failed(ctx, accessWrite, "writing", name, err)
	}
	if ctx.Err() != nil {
		// Another worker may have the object by now.
		return nil, context.Cause(ctx)
	}
	if err := d.publish(root, temp, name); err != nil {
		return nil, d.failed(ctx, accessWrite, "storing", name, err)
	}
	return stored, nil
}

// finish gives the file what goes with its content, and brings it to disk. It
// returns the time that the file has from then on.
func (d *destination) finish(root *os.Root, temp string, file *os.File, obj *ingest.Object, stored *ingest.Stored) (at time.Time, err error) {
	if t := modTimeOf(obj); !t.IsZero() {
		if err := root.Chtimes(temp, time.Time{}, t); err != nil {
			return at, err
		}
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return at, err
	case info.Size() != stored.Len:
		return at, fmt.Errorf("%w: the file has %d bytes, and %d were written", errDamaged, info.Size(), stored.Len)
	}
	stored.SourceVersion = obj.Version()
	if err := writeRecord(file, record{stored.MD5, stored.SourceVersion}.format(info)); err != nil {
		stored.SourceVersion = ""
		d.noRecord.Do(func() {
			d.log.Warnf("every scan will read the copies in %s, or copy them again, since the file system keeps no record of what was copied: %v", d.path, err)
		})
	}
	mode, ok := modeOf(obj)
	if d.fileMode != nil {
		mode, ok = *d.fileMode, true
	}
	if ok {
		if err := file.Chmod(mode); err != nil {
			return at, err
		}
	}
	return info.ModTime(), file.Sync()
}

// publish gives the file its name, and brings that to disk.
func (d *destination) publish(root *os.Root, temp, name string) error {
	if d.createOnly {
		if err := root.Link(temp, name); err != nil {
			return err
		}
		if err := root.Remove(temp); err != nil {
			return err
		}
	} else if err := root.Rename(temp, name); errors.Is(err, fs.ErrExist) {
		return ingest.Permanent(fmt.Errorf("a folder is in the way: %w", err))
	} else if err != nil {
		return err
	}
	if err := syncFolder(root, path.Dir(name)); err != nil {
		// Nobody is to vouch for a file that may be gone after a power cut.
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

// sink is a writer that keeps its own error, as opposed to the reader's.
type sink struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	if n, err = s.w.Write(p); err != nil {
		s.err = err
	}
	return n, err
}
