package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"
)

// Object is an object's content together with what is known of it. Without a
// Reader it only describes an object.
//
// Only MimeType, Len and Reader must be set by a source; the more of the rest
// it knows, the less has to be copied, and the more can be proved.
type Object struct {
	// MimeType is the HTTP-style Content-Type of the object.
	MimeType string
	// Len is the length of the content in bytes; -1 if it is not known.
	Len int64
	// Reader yields the content, exactly Len bytes where that is known. If
	// it is an io.Closer, it is closed by Close.
	Reader io.Reader

	// ETag is the source's version tag without quotes; empty if there is
	// none. Two contents of one element must not share an ETag.
	ETag string
	// VersionID is the source's own identifier of the version, if any.
	VersionID string
	// ModTime is when the content last changed; zero if it is not known.
	ModTime time.Time
	// MD5 is the digest that the source vouches for, 16 bytes, or nil.
	MD5 []byte
	// PartSize is the size in bytes of the parts that a multipart ETag was
	// computed over; 0 if it is not known.
	PartSize int64

	// ContentEncoding, ContentDisposition, ContentLanguage and CacheControl
	// are the HTTP headers of these names, carried to the destination.
	ContentEncoding    string
	ContentDisposition string
	ContentLanguage    string
	CacheControl       string
	// Metadata is the user metadata, carried to the destination.
	Metadata map[string]string
	// Tags fetches the object's tags, for destinations that are to keep
	// them; nil if the source has none. It may be called at any time.
	Tags func(context.Context) (map[string]string, error)
	// Range opens length bytes of the content, from offset, of exactly the
	// version that this describes; nil if the source cannot. What it returns
	// yields that many bytes or an error, and is the caller's to close. It may
	// be called at any time, by several goroutines at once. It fails with
	// ErrChanged if the source has moved on, and with ErrNotFound if the
	// object has vanished.
	Range func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
	// Sequential says that the content is to be read from the Reader, and by
	// Range only what has to be read again: others read it, too, and a range
	// is not shared with them.
	Sequential bool
}

// Close closes the Reader where it can be closed.
func (o *Object) Close() error {
	if c, ok := o.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Describe returns a copy of o without its Reader.
func (o *Object) Describe() *Object {
	d := *o
	d.Reader = nil
	return &d
}

// Version returns a token of letters and digits for the version of the content,
// or "" if the source gives nothing to tell versions apart by.
func (o *Object) Version() string {
	var of string
	switch {
	case o.ETag != "":
		of = "etag:" + o.ETag
	case o.VersionID != "":
		of = "version:" + o.VersionID
	case !o.ModTime.IsZero():
		of = "mtime:" + o.ModTime.UTC().Format(time.RFC3339Nano)
	default:
		return ""
	}
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:16])
}

// SameVersion reports whether o and other describe the same content, as far as
// the source lets one tell: unknown lengths and versions match anything.
func (o *Object) SameVersion(other *Object) bool {
	if o.Len >= 0 && other.Len >= 0 && o.Len != other.Len {
		return false
	}
	a, b := o.Version(), other.Version()
	return a == "" || b == "" || a == b
}

// KnownSameVersion is SameVersion for where a doubt counts against it: unknown
// versions match nothing.
func (o *Object) KnownSameVersion(other *Object) bool {
	return o.Version() != "" && other.Version() != "" && o.SameVersion(other)
}
