package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

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
		ScanFields: append([]*service.ConfigField{
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
		}, compareFields()...),
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
		}, {
			Title:   "Queue only what is missing",
			Summary: "The destination is listed along with the source.",
			Config: `
input:
  ingest_s3:
    endpoint: source.example.com
    bucket: source
    interval: 300s
    destinations:
      - endpoint: destination.example.com
        bucket: copy
        prefix: prefix1/
        access_key_id: ${DST_KEY}
        secret_access_key: ${DST_SECRET}
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
		New: func(conf *service.ParsedConfig, res *service.Resources) (ingest.Source, error) {
			return newSource(conf, res)
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
	prefix string
	// rangeless says that the server was seen not to serve ranges.
	rangeless atomic.Bool
	tagCounts tagCounts

	// list is nil where nothing is listed, and changes where the listing is not
	// compared with those of destinations.
	list    *listing
	changes *changes
}

var (
	_ ingest.Source          = (*source)(nil)
	_ ingest.Comparer        = (*source)(nil)
	_ ingest.VersionedClient = (*source)(nil)
	_ io.Closer              = (*source)(nil)
)

func newSource(conf *service.ParsedConfig, res *service.Resources) (*source, error) {
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
	if !conf.Contains(fieldPrefix) {
		return s, nil
	}
	if s.prefix, err = conf.FieldString(fieldPrefix); err != nil {
		return nil, err
	}
	s.list = &listing{client: s.client, prefix: s.prefix}
	if s.list.recursive, err = conf.FieldBool(fieldRecursive); err != nil {
		return nil, err
	}
	if s.list.startAfter, err = conf.FieldString(fieldStartAfter); err != nil {
		return nil, err
	}
	if s.list.metafilesPrefix, err = conf.FieldString(fieldMetafilesPrefix); err != nil {
		return nil, err
	}
	s.changes, err = changesFromParsed(s, conf, res)
	return s, err
}

// TestConnection implements ingest.ConnectionTester.
func (s *source) TestConnection(ctx context.Context) error {
	if s.list == nil {
		return s.client.TestConnection(ctx)
	}
	err := s.testListing(ctx, s.prefix)
	if err == nil && s.changes != nil {
		err = s.changes.testListings(ctx)
	}
	return err
}

// Location implements ingest.Locator.
func (s *source) Location(codec ingest.Codec) string { return s.location(codec.ID) }

// ComparedWith returns the locations that a scan is compared with.
func (s *source) ComparedWith() (locations []string) {
	if s.changes != nil {
		for _, t := range s.changes.targets {
			locations = append(locations, t.location)
		}
	}
	return locations
}

// Reset implements ingest.Nexter.
func (s *source) Reset(context.Context) error {
	s.list.reset()
	if s.changes != nil {
		s.changes.reset()
	}
	return nil
}

// Next implements ingest.Nexter.
func (s *source) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := s.NextObject(ctx)
	return codec, err
}

// NextObject implements ingest.Lister.
func (s *source) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if s.changes != nil {
		return s.changes.next(ctx)
	}
	e, err := s.list.next(ctx)
	if err != nil {
		return nil, nil, err
	}
	codec, obj := e.element()
	return codec, obj, nil
}

// element returns what a source's listing emits for an entry.
func (e *entry) element() (*ingest.Codec, *ingest.Object) {
	codec := ingest.NewCodec(e.key, e.name, nil)
	return &codec, &ingest.Object{Len: e.size, ETag: e.etag, ModTime: e.modTime}
}

// Hints implements ingest.Comparer.
func (s *source) Hints() map[string]string {
	if s.changes == nil {
		return nil
	}
	return s.changes.hints
}

// Unchanged implements ingest.Comparer.
func (s *source) Unchanged() int64 {
	if s.changes == nil {
		return 0
	}
	return s.changes.unchanged
}

// Close implements io.Closer: it stops the listings.
func (s *source) Close() error {
	if s.list != nil {
		s.list.close()
	}
	if s.changes != nil {
		s.changes.close()
	}
	return nil
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
	body, info, header, err := s.get(ctx, codec.ID, opts)
	if err != nil {
		return nil, s.readFailed(ctx, "reading", codec.ID, err)
	}
	obj := s.describe(ctx, info, header)
	if err := s.addPartSize(ctx, codec.ID, obj); err != nil {
		_ = body.Close()
		return nil, err
	}
	obj.Reader = &sourceBody{ReadCloser: body, ctx: ctx, s: s, key: codec.ID}
	return obj, nil
}

func (s *source) get(ctx context.Context, key string, opts minio.GetObjectOptions) (io.ReadCloser, minio.ObjectInfo, http.Header, error) {
	if resp := s.lean.get(ctx, key, opts.Header()); resp != nil {
		info, err := minio.ToObjectInfo(s.bucket, key, resp.Header)
		if err == nil {
			return resp.Body, info, resp.Header, nil
		}
		_ = resp.Body.Close()
	}
	return s.api.GetObject(ctx, s.bucket, key, opts)
}

// Stat implements ingest.VersionedClient.
func (s *source) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	info, err := s.api.StatObject(ctx, s.bucket, codec.ID, minio.StatObjectOptions{})
	if err != nil {
		return nil, s.readFailed(ctx, "looking at", codec.ID, err)
	}
	return s.describe(ctx, info, info.Headers), nil
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
