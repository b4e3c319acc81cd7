package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/ingest-bundle/ingest"
)

// source lists and opens the files of a folder, and of the folders in it.
type source struct {
	folder
	names []string
}

var (
	_ ingest.Source           = (*source)(nil)
	_ ingest.VersionedClient  = (*source)(nil)
	_ ingest.ConnectionTester = (*source)(nil)
	_ ingest.Locator          = (*source)(nil)
)

func (s *source) Reset(ctx context.Context) error {
	s.names = nil
	return s.within(func(root *os.Root) error {
		return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && !strings.HasPrefix(path.Base(name), temporary) {
				s.names = append(s.names, name)
			}
			return errors.Join(err, ctx.Err())
		})
	})
}

func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.names) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(s.names[0], s.names[0], nil)
	s.names = s.names[1:]
	return &codec, nil
}

func (s *source) Stat(ctx context.Context, codec ingest.Codec) (obj *ingest.Object, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.within(func(root *os.Root) error {
		info, err := root.Stat(codec.ID)
		if err == nil {
			obj = describe(info)
		}
		return err
	})
	return obj, err
}

func (s *source) Download(ctx context.Context, codec ingest.Codec) (obj *ingest.Object, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.within(func(root *os.Root) error {
		file, err := root.Open(codec.ID)
		if err != nil {
			return err
		}
		info, err := file.Stat()
		if err != nil {
			return errors.Join(err, file.Close())
		}
		opened.Inc()
		obj = describe(info)
		obj.Reader = file
		return nil
	})
	return obj, err
}

func (s *source) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := s.Download(ctx, codec)
	if err != nil {
		return nil, err
	}
	if !obj.SameVersion(version) {
		return nil, errors.Join(ingest.ErrChanged, obj.Close())
	}
	return obj, nil
}

// CleanUp implements ingest.Client. What is gone already is no error.
func (s *source) CleanUp(_ context.Context, codec ingest.Codec) error {
	err := s.within(func(root *os.Root) error { return root.Remove(codec.ID) })
	if errors.Is(err, ingest.ErrNotFound) {
		return nil
	}
	return err
}

func (s *source) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	obj, err := s.Stat(ctx, codec)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !obj.SameVersion(version):
		return ingest.ErrChanged
	}
	return s.CleanUp(ctx, codec)
}

func (s *source) TestConnection(context.Context) error {
	return s.within(func(*os.Root) error { return nil })
}

func (s *source) Location(codec ingest.Codec) string { return s.locate(codec.ID) }
