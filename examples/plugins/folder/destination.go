package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/ingest-bundle/ingest"
)

// temporary is how the names of files begin that are being written.
const temporary = ".ingest-"

// destination stores objects as files.
type destination struct{ folder }

var (
	_ ingest.Destination      = (*destination)(nil)
	_ ingest.ConnectionTester = (*destination)(nil)
	_ ingest.Locator          = (*destination)(nil)
)

func (d *destination) Stat(ctx context.Context, codec ingest.Codec) (stored *ingest.Stored, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = d.within(func(root *os.Root) error {
		info, err := root.Stat(codec.Name)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return ingest.NotFound(fmt.Errorf("%s is no file", codec.Name))
		}
		stored = d.stored(codec, info)
		return nil
	})
	return stored, err
}

func (d *destination) stored(codec ingest.Codec, info os.FileInfo) *ingest.Stored {
	return &ingest.Stored{URI: d.locate(codec.Name), Len: info.Size(), ModTime: info.ModTime()}
}

// Store implements ingest.Destination: the file appears under its name when it is
// whole, and on the disk.
func (d *destination) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (stored *ingest.Stored, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = d.within(func(root *os.Root) error {
		if err := root.MkdirAll(path.Dir(codec.Name), 0o755); err != nil {
			return err
		}
		part := path.Join(path.Dir(codec.Name), temporary+path.Base(codec.Name))
		file, err := root.Create(part)
		if err != nil {
			return err
		}
		n, err := io.Copy(file, obj.Reader)
		if err == nil && obj.Len >= 0 && n != obj.Len {
			err = fmt.Errorf("%d bytes came of %d", n, obj.Len)
		}
		if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
			err = root.Rename(part, codec.Name)
		}
		if err != nil {
			return errors.Join(err, root.Remove(part))
		}
		info, err := root.Stat(codec.Name)
		if err == nil {
			stored = d.stored(codec, info)
			stored.Verified = true
		}
		return err
	})
	return stored, err
}

func (d *destination) TestConnection(context.Context) error {
	return d.within(func(*os.Root) error { return nil })
}

func (d *destination) Location(codec ingest.Codec) string { return d.locate(codec.Name) }
