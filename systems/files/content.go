package files

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/ingest-bundle/ingest"
)

// sniffed is how much of a content its type is told by.
const sniffed = 512

// sniff tells the type of a file by how it begins.
func sniff(file io.ReaderAt) (string, error) {
	var head [sniffed]byte
	n, err := file.ReadAt(head[:], 0)
	if err != nil && !isEnd(err) {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}

// content is the content of a file in the version that was opened. Its end is an
// ErrChanged if the file was written to meanwhile.
type content struct {
	file   *os.File
	ctx    context.Context
	s      *source
	name   string
	opened *ingest.Object
	read   int64
}

func (c *content) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.file.Read(p)
	c.read += int64(n)
	switch {
	case isEnd(err) || c.read > c.opened.Len:
		if changed := c.unchanged(); changed != nil {
			return 0, changed
		}
	case err != nil:
		err = c.s.failed(c.ctx, accessRead, "reading", c.name, err)
	}
	return n, err
}

// Close implements io.Closer.
func (c *content) Close() error { return c.file.Close() }

func (c *content) unchanged() error {
	info, err := c.file.Stat()
	if err != nil {
		return c.s.failed(c.ctx, accessRead, "looking at", c.name, err)
	}
	if !c.opened.SameVersion(c.s.describe(c.name, info)) {
		return c.s.changed(c.name)
	}
	return nil
}
