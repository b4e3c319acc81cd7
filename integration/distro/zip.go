package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

// archive is a source of this distro alone: the files in a ZIP archive.
type archive struct {
	path string
	left []string
}

func init() {
	err := systems.RegisterSource(systems.Source{
		Name:   "zip",
		Title:  "a ZIP archive",
		Fields: []*service.ConfigField{service.NewStringField("path").Description("The archive.")},
		New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
			path, err := conf.FieldString("path")
			return &archive{path: path}, err
		},
	})
	if err != nil {
		panic(err)
	}
}

// Reset implements ingest.Nexter.
func (a *archive) Reset(context.Context) error {
	r, err := zip.OpenReader(a.path)
	if err != nil {
		return err
	}
	a.left = nil
	for _, f := range r.File {
		if f.Mode().IsRegular() {
			a.left = append(a.left, f.Name)
		}
	}
	return r.Close()
}

// Next implements ingest.Nexter.
func (a *archive) Next(context.Context) (*ingest.Codec, error) {
	if len(a.left) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(a.left[0], a.left[0], nil)
	a.left = a.left[1:]
	return &codec, nil
}

// Download implements ingest.Client.
func (a *archive) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	r, err := zip.OpenReader(a.path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.File, func(f *zip.File) bool { return f.Name == codec.ID })
	if i < 0 {
		return nil, errors.Join(ingest.NotFound(fmt.Errorf("%s has no file %q", a.path, codec.ID)), r.Close())
	}
	f := r.File[i]
	content, err := f.Open()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &ingest.Object{
		MimeType: "application/octet-stream",
		Len:      int64(f.UncompressedSize64),
		Reader:   reader{content, r},
		ModTime:  f.Modified,
	}, nil
}

// CleanUp implements ingest.Client. Archives stay as they are.
func (a *archive) CleanUp(context.Context, ingest.Codec) error { return errors.ErrUnsupported }

// reader closes the archive along with the file in it.
type reader struct {
	io.ReadCloser
	archive io.Closer
}

func (r reader) Close() error { return errors.Join(r.ReadCloser.Close(), r.archive.Close()) }
