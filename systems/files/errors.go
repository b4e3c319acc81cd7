package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/ingest-bundle/ingest"
)

// access says what was done to a file, which decides what a refusal means.
type access int

const (
	// accessRead concerns one file, which may have permissions of its own.
	accessRead access = iota
	// accessWrite changes something; who may not write may write nothing.
	accessWrite
)

var (
	// permanentErrors say that this file can never be there.
	permanentErrors = []error{
		syscall.ENAMETOOLONG, syscall.EILSEQ, syscall.EINVAL, syscall.ELOOP, syscall.ENOTDIR, syscall.EISDIR,
		syscall.ENOTEMPTY, syscall.EFBIG, syscall.EXDEV,
	}
	// refusedErrors say that nothing can be written here as things are.
	refusedErrors = []error{fs.ErrPermission, syscall.EROFS, errors.ErrUnsupported}
	// outageErrors say that the file system, or this process, cannot serve now.
	outageErrors = []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ESTALE, syscall.ENODEV,
		syscall.ENXIO, syscall.ENOTCONN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
	}
)

func isOneOf(err error, list []error) bool {
	for _, e := range list {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// isMissing reports whether there is no such file, or no such folder for it to
// be in.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// refused reports whether an os.Root refused a path, because it leads out or, for
// the folder itself, is no folder. These errors have no names: they are those that
// no system call made.
func refused(err error) bool {
	var path *fs.PathError
	var errno syscall.Errno
	return errors.As(err, &path) && !errors.As(path.Err, &errno) && !errors.Is(err, fs.ErrClosed)
}

// unreachable is the error for the folder itself.
func (b base) unreachable(err error) error {
	err = fmt.Errorf("field %s: %w", fieldPath, err)
	if isMissing(err) || refused(err) || errors.Is(err, fs.ErrPermission) {
		return ingest.Misconfigured(err)
	}
	return ingest.Outage(err)
}

// failed gives err its kind, and says what failed where.
func (b base) failed(ctx context.Context, a access, doing, name string, err error) error {
	if ctx.Err() != nil {
		// Whoever cancelled knows why.
		return fmt.Errorf("%s %q: %w", doing, name, context.Cause(ctx))
	}
	text := fmt.Errorf("%s %q in %s: %w", doing, name, b.path, err)
	switch {
	case refused(err):
		return ingest.Permanent(fmt.Errorf("%w: a symbolic link leads out of the folder", text))
	case isOneOf(err, outageErrors):
		return ingest.Outage(text)
	case a == accessWrite && isOneOf(err, refusedErrors):
		return ingest.Misconfigured(text)
	case a == accessWrite && isOneOf(err, permanentErrors):
		return ingest.Permanent(text)
	}
	// An error of the disk, for one: is it the file system, or only this file?
	if b.TestConnection(ctx) == nil {
		return text
	}
	return ingest.Outage(text)
}

func (b base) missing(name string) error {
	return ingest.NotFound(fmt.Errorf("there is no file %q in %s", name, b.path))
}
