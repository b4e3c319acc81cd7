//go:build linux || darwin

package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// nonBlocking keeps an open of what turns out to be a pipe from waiting for
// somebody at its other end.
const nonBlocking = unix.O_NONBLOCK

func inodeOf(info fs.FileInfo) (uint64, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Ino, true
}

// recordAttribute is the extended attribute that records a verified copy.
const recordAttribute = "user.ingest.copy"

func writeRecord(f *os.File, record string) error {
	return unix.Fsetxattr(int(f.Fd()), recordAttribute, []byte(record), 0)
}

// readRecord returns the record, or "" if there is none.
func readRecord(f *os.File) string {
	buf := make([]byte, 512)
	n, err := unix.Fgetxattr(int(f.Fd()), recordAttribute, buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// lock takes the lock of a file that is being written. It reports false if
// another process has it, and fails where the file system knows no locks.
func lock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// syncFolder makes the names in a folder last. Some file systems need nothing of
// the kind, and say that it is invalid.
func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing is written
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// mayWrite fails if the names in a folder may not be changed by this process.
func mayWrite(dir *os.File) error {
	return unix.Faccessat(int(dir.Fd()), ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
