package files

import (
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/ingest-bundle/ingest"
)

// The metadata that carries what a file has beside its content. The names and
// the forms are those of rclone.
const (
	metaMTime = "Mtime"
	metaMode  = "Mode"
)

// describe makes an object of what the file system says of a file.
func (s *source) describe(name string, info fs.FileInfo) *ingest.Object {
	return &ingest.Object{
		MimeType: mime.TypeByExtension(path.Ext(name)),
		Len:      info.Size(),
		ETag:     s.version(info),
		ModTime:  info.ModTime(),
		Metadata: map[string]string{
			metaMTime: formatTime(info.ModTime()),
			metaMode:  fmt.Sprintf("%04o", info.Mode().Perm()),
		},
	}
}

// version tells the versions of a file apart: by time and size, and by inode
// also those that were put in its place. Nobody takes it for a digest, since it
// has two hyphens.
func (s *source) version(info fs.FileInfo) string {
	version := fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())
	if inode, ok := inodeOf(info); ok && s.inodes {
		return fmt.Sprintf("%s-%x", version, inode)
	}
	return version + "-"
}

// formatTime writes seconds with all digits after the point.
func formatTime(t time.Time) string {
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// modTimeOf returns when the content last changed, as precisely as is known.
func modTimeOf(obj *ingest.Object) time.Time {
	seconds, nanos, _ := strings.Cut(obj.Metadata[metaMTime], ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return obj.ModTime
	}
	nsec, err := strconv.ParseUint((nanos + "000000000")[:9], 10, 32)
	if err != nil {
		return obj.ModTime
	}
	return time.Unix(sec, int64(nsec))
}

// modeOf returns the permissions that the source tells, if it does. They are in
// octal, with a zero before: other programs write decimals under the same name.
func modeOf(obj *ingest.Object) (fs.FileMode, bool) {
	text := obj.Metadata[metaMode]
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || !strings.HasPrefix(text, "0") {
		return 0, false
	}
	return fs.FileMode(mode).Perm(), true
}
