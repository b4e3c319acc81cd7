package files

import (
	"io/fs"
	"syscall"
	"time"
)

// changedAt is when the file was last written to or renamed; programs can set
// its modification time back, but not this.
func changedAt(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
