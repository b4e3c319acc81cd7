package s3

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

const (
	fieldPrefix     = "prefix"
	fieldRecursive  = "recursive"
	fieldStartAfter = "start_after"
	fieldETags      = "etags"
)

const sourceDescription = `
Works with AWS S3, MinIO, and other servers that speak its protocol.
`

func init() {
	err := systems.RegisterSource(systems.Source{
		Name:        "s3",
		Title:       "an S3 bucket",
		Description: sourceDescription,
		Fields: append(connectionFields(),
			service.NewStringAnnotatedEnumField(fieldETags, map[string]string{
				"auto":   "They are, unless the object is encrypted with a key of its own (SSE-KMS, SSE-C).",
				"opaque": "They are not; content is then not compared with them.",
			}).
				Description("Whether ETags are digests of the content, as S3 defines them.").
				Default("auto").Advanced(),
		),
		ScanFields: []*service.ConfigField{
			service.NewStringField(fieldPrefix).
				Description("List only keys that begin with this. It is not part of the elements' names.").
				Default(""),
			service.NewBoolField(fieldRecursive).
				Description("List also what is beneath further slashes.").
				Default(true),
			service.NewStringField(fieldStartAfter).
				Description("List only keys that come after this one.").
				Default("").Advanced(),
			service.NewStringField(fieldMetafilesPrefix).
				Description("Leave out keys that begin with this, where an `ingest_s3` output keeps metafiles in this bucket.").
				Default("").Advanced(),
		},
		InputExamples: []systems.Example{{
			Title:   "Scan every five minutes",
			Summary: "What is pending already is not queued again.",
			Config: `
input:
  ingest_s3:
    endpoint: source.example.com
    bucket: source
    prefix: prefix/
    access_key_id: ${SRC_KEY}
    secret_access_key: ${SRC_SECRET}
    interval: 300s
output:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.foo_1-bar_1
`,
		}},
		ProcessorExamples: []systems.Example{{
			Title:   "Move objects as they are",
			Summary: "The processor opens nothing: outputs stream the object from the source.",
			Config: `
input:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.foo_1-bar_1
pipeline:
  processors:
    - ingest_s3:
        endpoint: source.example.com
        bucket: source
output:
  ingest_s3:
    endpoint: destination.example.com
    bucket: copy
`,
		}, {
			Title:   "Compress on the way",
			Summary: "With `operation: read` the content is in the message, for any processor to work on.",
			Config: `
pipeline:
  processors:
    - ingest_s3:
        endpoint: source.example.com
        bucket: source
        operation: read
    - compress:
        algorithm: gzip
output:
  ingest_s3:
    endpoint: destination.example.com
    bucket: copy
    key: ${! metadata("ingest_name") }.gz
`,
		}},
		New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
			return newSource(conf)
		},
	})
	if err != nil {
		panic(err)
	}
}

// source lists and fetches.
type source struct {
	*client
	opaque bool
	// rangeless says that the server was seen not to serve ranges.
	rangeless atomic.Bool

	lists           bool
	prefix          string
	recursive       bool
	startAfter      string
	metafilesPrefix string

	// last is the key that a listing goes on after.
	last string
	// mark and count find listings that go round in a circle: see advances.
	mark  string
	count uint64
	// cancel ends the listing that next belongs to.
	listing context.Context
	cancel  context.CancelCauseFunc
	next    func() (minio.ObjectInfo, bool)
	stop    func()
}

var (
	_ ingest.Source          = (*source)(nil)
	_ ingest.Lister          = (*source)(nil)
	_ ingest.VersionedClient = (*source)(nil)
)

func newSource(conf *service.ParsedConfig) (*source, error) {
	conn, err := connectionFromParsed(conf)
	if err != nil {
		return nil, err
	}
	s := &source{}
	if s.client, err = newClient(conn); err != nil {
		return nil, err
	}
	etags, err := conf.FieldString(fieldETags)
	if err != nil {
		return nil, err
	}
	s.opaque = etags == "opaque"
	if s.lists = conf.Contains(fieldPrefix); !s.lists {
		return s, nil
	}
	if s.prefix, err = conf.FieldString(fieldPrefix); err != nil {
		return nil, err
	}
	if s.recursive, err = conf.FieldBool(fieldRecursive); err != nil {
		return nil, err
	}
	if s.startAfter, err = conf.FieldString(fieldStartAfter); err != nil {
		return nil, err
	}
	s.metafilesPrefix, err = conf.FieldString(fieldMetafilesPrefix)
	return s, err
}

// TestConnection implements ingest.ConnectionTester.
func (s *source) TestConnection(ctx context.Context) error {
	if s.lists {
		return s.testListing(ctx, s.prefix)
	}
	return s.client.TestConnection(ctx)
}

// Location implements ingest.Locator.
func (s *source) Location(codec ingest.Codec) string { return s.location(codec.ID) }

// Reset implements ingest.Nexter.
func (s *source) Reset(context.Context) error {
	s.close()
	s.last, s.mark, s.count = s.startAfter, "", 0
	return nil
}

func (s *source) close() {
	if s.stop != nil {
		s.cancel(nil)
		s.stop()
	}
	s.next, s.stop = nil, nil
}

// Next implements ingest.Nexter.
func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := s.NextObject(ctx)
	return codec, err
}

// NextObject implements ingest.Lister. Pages are fetched as they are needed; an
// error ends the page, and the next call goes on after the last key.
func (s *source) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if s.next == nil {
		// The pages outlive the call that fetched them.
		s.listing, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		s.next, s.stop = iter.Pull(s.api.ListObjectsIter(s.listing, s.bucket, minio.ListObjectsOptions{
			Prefix:     s.prefix,
			Recursive:  s.recursive,
			StartAfter: s.last,
		}))
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		info, ok := s.nextInfo(ctx)
		if err := s.listing.Err(); err != nil {
			// minio-go ends a cancelled listing as if it were complete.
			err = context.Cause(s.listing)
			s.close()
			return nil, nil, fmt.Errorf("listing bucket %q at %s: %w", s.bucket, s.endpoint, err)
		}
		if !ok {
			s.close()
			return nil, nil, io.EOF
		}
		if info.Err != nil {
			s.close()
			return nil, nil, s.failed(ctx, accessProbe, "listing", info.Err)
		}
		s.last = max(s.last, info.Key)
		if !s.advances(info.Key) {
			s.close()
			return nil, nil, fmt.Errorf("listing bucket %q at %s: the server repeats itself, %q comes again", s.bucket, s.endpoint, info.Key)
		}
		if s.skips(info) {
			continue
		}
		codec := ingest.NewCodec(info.Key, strings.TrimPrefix(info.Key, s.prefix), nil)
		return &codec, &ingest.Object{Len: info.Size, ETag: info.ETag, ModTime: info.LastModified}, nil
	}
}

// listTimeout is how long one page may take.
const listTimeout = 2 * time.Minute

// nextInfo returns the next entry, or cancels the listing where ctx is cancelled
// or the server does not answer.
func (s *source) nextInfo(ctx context.Context) (minio.ObjectInfo, bool) {
	timer := time.AfterFunc(listTimeout, func() { s.cancel(&ingest.StallError{Timeout: listTimeout}) })
	defer timer.Stop()
	defer context.AfterFunc(ctx, func() { s.cancel(ctx.Err()) })()
	return s.next()
}

// advances reports false once a listing goes round in a circle, of whatever
// length: it compares each key with one seen before, which it moves on at every
// power of two (Brent's algorithm).
func (s *source) advances(key string) bool {
	if s.count > 0 && key == s.mark {
		return false
	}
	s.count++
	if s.count&(s.count-1) == 0 {
		s.mark = key
	}
	return true
}

// skips leaves out what is no object (the folders of a listing that does not
// recurse), the folder marker of the prefix itself, and metafiles.
func (s *source) skips(info minio.ObjectInfo) bool {
	folder := !s.recursive && info.ETag == "" && info.LastModified.IsZero()
	metafile := s.metafilesPrefix != "" && strings.HasPrefix(info.Key, s.metafilesPrefix)
	marker := info.Key == s.prefix && info.Size == 0 && strings.HasSuffix(info.Key, "/")
	return folder || metafile || marker || !strings.HasPrefix(info.Key, s.prefix)
}

// Download implements ingest.Client.
func (s *source) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	return s.open(ctx, codec, nil)
}

// DownloadVersion implements ingest.VersionedClient.
func (s *source) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	return s.open(ctx, codec, version)
}

func (s *source) open(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	var opts minio.GetObjectOptions
	if version != nil && version.ETag != "" {
		if err := opts.SetMatchETag(version.ETag); err != nil {
			return nil, ingest.Permanent(fmt.Errorf("opening %s: %w", s.uri(codec.ID), err))
		}
	}
	body, info, header, err := s.api.GetObject(ctx, s.bucket, codec.ID, opts)
	if err != nil {
		return nil, s.readFailed(ctx, "reading", codec.ID, err)
	}
	obj := s.describe(info, header)
	if err := s.addPartSize(ctx, codec.ID, obj); err != nil {
		_ = body.Close()
		return nil, err
	}
	obj.Reader = &sourceBody{ReadCloser: body, ctx: ctx, s: s, key: codec.ID}
	return obj, nil
}

// Stat implements ingest.VersionedClient.
func (s *source) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	info, err := s.api.StatObject(ctx, s.bucket, codec.ID, minio.StatObjectOptions{})
	if err != nil {
		return nil, s.readFailed(ctx, "looking at", codec.ID, err)
	}
	return s.describe(info, info.Headers), nil
}

func (s *source) readFailed(ctx context.Context, doing, key string, err error) error {
	if isMissing(err) {
		return s.missing(ctx, key)
	}
	return s.failed(ctx, accessRead, fmt.Sprintf("%s %q", doing, key), err)
}

// sourceBody gives errors in mid-body their kind.
type sourceBody struct {
	io.ReadCloser
	ctx context.Context
	s   *source
	key string
}

func (b *sourceBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		err = b.s.readFailed(b.ctx, "reading", b.key, err)
	}
	return n, err
}
