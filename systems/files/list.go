package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ingest-bundle/ingest"
)

// Reset implements ingest.Nexter.
func (s *source) Reset(ctx context.Context) error {
	if s.walk != nil {
		s.walk.close()
		s.walk = nil
	}
	root, err := s.open(ctx)
	if err != nil {
		return err
	}
	if s.walk, err = newWalk(root); err != nil {
		return s.unreachable(err)
	}
	return nil
}

// Next implements ingest.Nexter.
func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := s.NextObject(ctx)
	return codec, err
}

// NextObject implements ingest.Lister. What cannot be looked at is an
// ingest.ErrLeftOut.
func (s *source) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if s.walk == nil {
		if err := s.Reset(ctx); err != nil {
			return nil, nil, err
		}
	}
	for {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		e, err := s.walk.next()
		if isEnd(err) {
			s.walk.close()
			return nil, nil, err
		}
		if err != nil {
			return nil, nil, s.leftOut("listing", e.name, err)
		}
		info, err := s.inspect(e)
		if err != nil {
			return nil, nil, err
		}
		if info == nil {
			continue
		}
		if age, ok := s.scan.settling(info); ok {
			if s.scan.once {
				return nil, nil, s.leftOut("listing", e.name, fmt.Errorf("it was changed %s ago and may still be being written: wait, or set %s or %s",
					age.Round(time.Millisecond), fieldInterval, fieldSettle))
			}
			continue
		}
		codec := ingest.NewCodec(e.name, e.name, nil)
		return &codec, s.describe(e.name, info), nil
	}
}

func (s *source) leftOut(doing, name string, err error) error {
	return ingest.LeftOut(fmt.Errorf("%s %q in %s: %w", doing, name, s.path, err))
}

// inspect returns what is known of an entry that is to be listed, nil for any
// other, and makes folders come next.
func (s *source) inspect(e entry) (fs.FileInfo, error) {
	if isOurs(e.Name()) {
		if e.IsDir() {
			return nil, s.putBackStale(e)
		}
		return nil, nil
	}
	info, err := e.Info()
	if err == nil && e.Type()&fs.ModeSymlink != 0 {
		if !s.followSymlinks || matchesAny(s.scan.exclude, e.name) {
			return nil, nil
		}
		info, err = s.walk.root.Stat(e.name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// It was removed meanwhile, or is a link to nothing.
		return nil, nil
	case err != nil:
		return nil, s.leftOut("looking at", e.name, err)
	case info.IsDir():
		if !s.scan.enters(e.name) {
			return nil, nil
		}
		if err := s.walk.enter(e.name); err != nil && !isMissing(err) {
			return nil, s.leftOut("listing", e.name, err)
		}
		return nil, nil
	case !info.Mode().IsRegular() || !s.scan.takes(e.name):
		return nil, nil
	}
	return info, nil
}
