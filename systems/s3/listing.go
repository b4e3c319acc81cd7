package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
)

const (
	// pageLen is S3's own, in keys.
	pageLen = 1000
	// listTimeout is how long one page may take.
	listTimeout = 2 * time.Minute
)

// entry is what a listing says of one object.
type entry struct {
	// name is the key without the prefix.
	key, name string
	size      int64
	etag      string
	modTime   time.Time
	// skip says that it is no element.
	skip bool
}

// listing lists what is beneath a prefix. It reads one page ahead, and holds no
// more than that.
type listing struct {
	*client
	prefix          string
	recursive       bool
	startAfter      string
	metafilesPrefix string

	// last is the key that the listing goes on after.
	last  string
	page  []entry
	ended bool
	// reader is nil while nothing is read.
	reader *reader
}

// reader reads pages, until its context ends.
type reader struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	pages  chan page
	circle circle
	// stall ends the reading if a page takes too long.
	stall *time.Timer
}

// page holds entries, or the error that ended the reading; io.EOF is the end.
type page struct {
	entries []entry
	err     error
}

func (l *listing) reset() {
	l.close()
	l.last, l.ended = l.startAfter, false
}

// close stops the reading. What was read ahead is read again.
func (l *listing) close() {
	if l.reader != nil {
		l.reader.cancel(nil)
	}
	l.reader, l.page = nil, nil
}

// next returns the next entry, or io.EOF. After any other error it goes on after
// the last entry.
func (l *listing) next(ctx context.Context) (entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return entry{}, err
		}
		for len(l.page) == 0 {
			if err := l.turn(ctx); err != nil {
				return entry{}, err
			}
		}
		e := l.page[0]
		l.page = l.page[1:]
		l.last = max(l.last, e.key)
		if !e.skip {
			return e, nil
		}
	}
}

// turn turns to the next page. Where it fails, the reading begins anew after the
// last entry.
func (l *listing) turn(ctx context.Context) error {
	if l.ended {
		return io.EOF
	}
	if l.reader == nil {
		l.read(ctx)
	}
	var p page
	var ok bool
	select {
	case p, ok = <-l.reader.pages:
	case <-ctx.Done():
		l.reader.cancel(ctx.Err())
	}
	if !ok {
		p.err = fmt.Errorf("listing bucket %q at %s: %w", l.bucket, l.endpoint, context.Cause(l.reader.ctx))
	}
	l.page = p.entries
	if p.err == nil {
		return nil
	}
	l.close()
	l.ended = p.err == io.EOF //nolint:errorlint // a connection that breaks is not the end
	return p.err
}

// read starts to read after the last entry. The pages outlive the call that asked
// for them.
func (l *listing) read(ctx context.Context) {
	r := &reader{pages: make(chan page)}
	r.ctx, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	r.stall = time.AfterFunc(listTimeout, func() { r.cancel(&ingest.StallError{Timeout: listTimeout}) })
	l.reader = r
	opts := minio.ListObjectsOptions{Prefix: l.prefix, Recursive: l.recursive, StartAfter: l.last, FetchOwner: new(bool)}
	go func() {
		defer close(r.pages)
		// minio-go ends a cancelled listing as if it were complete, and then
		// the pages end without io.EOF.
		if err := r.readAll(l, opts); r.ctx.Err() == nil {
			r.give(page{err: err})
		}
	}()
}

// readAll gives all pages but the last, which is the error.
func (r *reader) readAll(l *listing, opts minio.ListObjectsOptions) error {
	defer r.stall.Stop()
	var p page
	for info := range l.api.ListObjectsIter(r.ctx, l.bucket, opts) {
		r.stall.Reset(listTimeout)
		switch {
		case info.Err != nil:
			r.give(p)
			if errors.Is(info.Err, io.EOF) {
				// An answer without content is not the end.
				info.Err = io.ErrUnexpectedEOF
			}
			return l.failed(r.ctx, accessProbe, "listing", info.Err)
		case !r.circle.advances(info.Key):
			r.give(p)
			return fmt.Errorf("listing bucket %q at %s: the server repeats itself, %q comes again", l.bucket, l.endpoint, info.Key)
		}
		if p.entries == nil {
			p.entries = make([]entry, 0, pageLen)
		}
		p.entries = append(p.entries, l.entry(info))
		if len(p.entries) < pageLen {
			continue
		}
		if !r.give(p) {
			return nil
		}
		p = page{}
		r.stall.Reset(listTimeout)
	}
	r.give(p)
	return io.EOF
}

// give waits until the page is taken, and reports false if it is not wanted.
func (r *reader) give(p page) bool {
	r.stall.Stop()
	select {
	case r.pages <- p:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// entry leaves out what is no object (the folders of a listing that does not
// recurse), the folder marker of the prefix itself, and metafiles.
func (l *listing) entry(info minio.ObjectInfo) entry {
	name, beneath := strings.CutPrefix(info.Key, l.prefix)
	folder := !l.recursive && info.ETag == "" && info.LastModified.IsZero()
	metafile := l.metafilesPrefix != "" && strings.HasPrefix(info.Key, l.metafilesPrefix)
	marker := name == "" && info.Size == 0 && strings.HasSuffix(info.Key, "/")
	return entry{
		key:     info.Key,
		name:    name,
		size:    info.Size,
		etag:    info.ETag,
		modTime: info.LastModified,
		skip:    folder || metafile || marker || !beneath,
	}
}

// circle finds listings that go round in a circle.
type circle struct {
	mark  string
	count uint64
}

// advances reports false once a listing goes round in a circle, of whatever
// length: it compares each key with one seen before, which it moves on at every
// power of two (Brent's algorithm).
func (c *circle) advances(key string) bool {
	if c.count > 0 && key == c.mark {
		return false
	}
	c.count++
	if c.count&(c.count-1) == 0 {
		c.mark = key
	}
	return true
}
