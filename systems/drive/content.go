package drive

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the digest that Drive tells of what it holds
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ingest-bundle/ingest"
)

// errUnsound says that what was read is not what the source said it has.
var errUnsound = errors.New("the content is not what was announced")

// content is what an object yields, whose end it replaces by an error where the
// length or the digest is not what the source said: an upload is then never
// completed.
type content struct {
	obj  *ingest.Object
	hash hash.Hash
	n    int64
	// err is what it ended with: io.EOF if everything was read, and is sound.
	err error
}

func newContent(obj *ingest.Object) *content {
	return &content{obj: obj, hash: md5.New()} //nolint:gosec // as above
}

func (c *content) Read(b []byte) (int, error) {
	n, err := c.obj.Reader.Read(b)
	c.n += int64(n)
	c.hash.Write(b[:n])
	if err == io.EOF { //nolint:errorlint // an error that wraps it is no end
		err = c.end()
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

// end returns io.EOF, or what is wrong.
func (c *content) end() error {
	if c.obj.Len >= 0 && c.n != c.obj.Len {
		return fmt.Errorf("%w: it has %d bytes, not %d", errUnsound, c.n, c.obj.Len)
	}
	if c.obj.MD5 != nil && !bytes.Equal(c.sum(), c.obj.MD5) {
		return fmt.Errorf("%w: its MD5 is %x, not %x", errUnsound, c.sum(), c.obj.MD5)
	}
	return io.EOF
}

// whole reports whether everything was read.
func (c *content) whole() bool { return c.err == io.EOF } //nolint:errorlint // what end returns itself

// sum is the MD5 of what was read.
func (c *content) sum() []byte { return c.hash.Sum(nil) }
