package s3

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

const (
	fieldMetafilesPrefix = "metafiles_prefix"
	fieldStorageClass    = "storage_class"
	fieldTags            = "tags"
	fieldPartSize        = "part_size"
	fieldParallelParts   = "parallel_parts"
	fieldPartMemory      = "part_memory"
	fieldChecksum        = "checksum"
	fieldUnsafeKeys      = "unsafe_keys"
	fieldServerCopy      = "server_copy"

	// minPartSize is S3's own.
	minPartSize = 5 << 20
	// maxParts is S3's own.
	maxParts             = 10_000
	defaultPartSize      = 16 << 20
	defaultParallelParts = 4
	defaultPartMemory    = 128 << 20
)

const destinationDescription = `
Works with AWS S3, MinIO, and other servers that speak its protocol. Content type, content encoding, cache control, disposition, language and user metadata are carried over.

Every copy is proved. Where the source vouches for an MD5, it goes with the upload, the server checks it, and the ETag of its answer is compared; what fails the comparison is removed. Objects in parts get the parts that they have at the source, where these can be known: the ETags that the server answers for the parts must make up the source's ETag before the upload is completed. What neither holds for is hashed on the way, and a tag, ` + "`ingest-copy`" + `, records which version was copied and verified.

Parts of large objects are read by range and uploaded at once, from one connection to the other. One that fails is tried again alone, at most three times in all.

Where the source is a bucket of the same name at another ` + "`endpoint`" + `, a small object, ` + "`.ingest-probe-…`" + `, is stored once, looked for at the source, and deleted: if the two are one bucket, nothing is copied.

Keys that some servers store as another key (empty, ` + "`.` and `..`" + ` segments) or refuse (segments of more than 255 bytes) are errors that no retry can fix, except at AWS.
`

func init() {
	err := systems.RegisterDestination(systems.Destination{
		Name:        "s3",
		Title:       "an S3 bucket",
		Description: destinationDescription,
		Fields: append(connectionFields(),
			service.NewStringField(fieldPrefix).
				Description("What the keys begin with; the name follows directly, so a folder ends with a slash.").
				Default(""),
			service.NewStringField(fieldMetafilesPrefix).
				Description("If set, an empty object `<metafiles_prefix><name>.done` is kept for every object that is stored. It is made anew where it is missing.").
				Default("").Advanced(),
			service.NewStringField(fieldStorageClass).
				Description("The storage class of new objects. If empty, the server's default.").
				Default("").Advanced(),
			service.NewBoolField(fieldTags).
				Description("Carry the object's tags over, at the cost of a request for each object that has any. If they cannot be read at the source, that is an error, and the object is not copied. The record `ingest-copy` is not carried.").
				Default(true).Advanced(),
			service.NewIntField(fieldPartSize).
				Description("The size in bytes of the parts of a multipart upload, where the source's cannot be known. Smaller objects are sent whole.").
				Default(defaultPartSize).Advanced().
				LintRule(`root = if this < 5242880 || this > 5368709120 { [ "a size from 5242880 (5 MiB) to 5368709120 (5 GiB) was expected" ] }`),
			service.NewIntField(fieldParallelParts).
				Description("How many parts of one object are read and uploaded at once.").
				Default(defaultParallelParts).Advanced().
				LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
			service.NewIntField(fieldPartMemory).
				Description("How many bytes this output may hold in memory, over all objects. It is at least one part. What is proved by the ETags of its parts is not held.").
				Default(defaultPartMemory).Advanced().
				LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
			service.NewStringAnnotatedEnumField(fieldChecksum, map[string]string{
				"auto":   "An MD5, which every server checks, except for parts that are proved by their ETags.",
				"crc32c": "A CRC32C in a header beside the MD5 of each part, which the server keeps with the object.",
			}).
				Description("The checksums that are sent.").
				Default("auto").Advanced(),
			service.NewStringAnnotatedEnumField(fieldUnsafeKeys, map[string]string{
				"auto":   "`allow` at AWS, `refuse` elsewhere.",
				"refuse": "An error that no retry can fix.",
				"allow":  "Store them, if the server keeps them byte for byte.",
			}).
				Description("What to do with keys that some servers would store as another key, such as `a//b` and `a/../b`.").
				Default("auto").Advanced(),
			service.NewBoolField(fieldServerCopy).
				Description("Have the server copy objects of an `ingest_s3` processor that has the same `endpoint` and credentials, so that their content does not pass through this process. It is not asked for with `overwrite: never`, `checksum: crc32c`, `etags: opaque` of the source, or where a processor has read the content; and where the server refuses it, or the ETag of the copy is another, objects are streamed as ever.").
				Default(true).Advanced(),
		),
		Examples: []systems.Example{{
			Title: "Into a folder of a bucket",
			Config: `
output:
  ingest_s3:
    endpoint: destination.example.com
    bucket: destination
    prefix: prefix1/
    metafiles_prefix: meta/
    access_key_id: ${DST_KEY}
    secret_access_key: ${DST_SECRET}
`,
		}},
		New: func(conf *service.ParsedConfig, res *service.Resources) (ingest.Destination, error) {
			return newDestination(conf, res)
		},
	})
	if err != nil {
		panic(err)
	}
}

type destination struct {
	*client
	prefix          string
	metafilesPrefix string
	storageClass    string
	tags            bool
	partSize        int64
	parallelParts   int
	crc32c          bool
	unsafeKeys      bool
	createOnly      bool
	serverCopy      bool
	copiesWhole     copyState
	copiesInParts   copyState
	buffers         *buffers
	log             *service.Logger
	// wary says that parts which were not hashed did not prove the copy once.
	wary atomic.Bool
}

var (
	_ ingest.Destination    = (*destination)(nil)
	_ ingest.DigestVerifier = (*destination)(nil)
)

func newDestination(conf *service.ParsedConfig, res *service.Resources) (*destination, error) {
	conn, err := connectionFromParsed(conf)
	if err != nil {
		return nil, err
	}
	d := &destination{log: res.Logger()}
	if d.client, err = newClient(conn); err != nil {
		return nil, err
	}
	var checksum, unsafeKeys, overwrite string
	for field, into := range map[string]*string{
		fieldPrefix:          &d.prefix,
		fieldMetafilesPrefix: &d.metafilesPrefix,
		fieldStorageClass:    &d.storageClass,
		fieldChecksum:        &checksum,
		fieldUnsafeKeys:      &unsafeKeys,
		"overwrite":          &overwrite,
	} {
		if *into, err = conf.FieldString(field); err != nil {
			return nil, err
		}
	}
	for field, into := range map[string]*bool{fieldTags: &d.tags, fieldServerCopy: &d.serverCopy} {
		if *into, err = conf.FieldBool(field); err != nil {
			return nil, err
		}
	}
	var partSize, partMemory int
	for field, into := range map[string]*int{fieldPartSize: &partSize, fieldParallelParts: &d.parallelParts, fieldPartMemory: &partMemory} {
		if *into, err = conf.FieldInt(field); err != nil {
			return nil, err
		}
	}
	d.partSize = int64(partSize)
	d.buffers = newBuffers(int64(max(partMemory, partSize)))
	d.crc32c = checksum == "crc32c"
	d.unsafeKeys = unsafeKeys == "allow" || (unsafeKeys == "auto" && isAWS(d.endpoint))
	// Two workers may find the key free at the same time.
	d.createOnly = overwrite == "never"
	return d, nil
}

// Location implements ingest.Locator.
func (d *destination) Location(codec ingest.Codec) string { return d.location(d.prefix + codec.Name) }

func (d *destination) key(codec ingest.Codec) (string, error) {
	key := d.prefix + codec.Name
	return key, checkKey(key, d.unsafeKeys)
}

// VerifiesDigest implements ingest.DigestVerifier.
func (d *destination) VerifiesDigest() bool { return true }

// Stat implements ingest.Destination.
func (d *destination) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	key, err := d.key(codec)
	if err != nil {
		return nil, err
	}
	info, err := d.api.StatObject(ctx, d.bucket, key, minio.StatObjectOptions{})
	if isMissing(err) || (isDenied(err) && d.reachable(ctx)) {
		// Whoever may not list is denied a look at what is not there. If it is the bucket that is missing, the upload will say so.
		return nil, ingest.NotFound(fmt.Errorf("there is no %s at %s", d.uri(key), d.endpoint))
	}
	if err != nil {
		return nil, d.failed(ctx, accessRead, fmt.Sprintf("looking at %q", key), err)
	}
	stored := &ingest.Stored{URI: d.uri(key), Len: info.Size, ETag: info.ETag, VersionID: info.VersionID, ModTime: info.LastModified}
	if !encryptedByKey(info.Headers) {
		stored.MD5 = md5OfETag(info.ETag)
	}
	if info.UserTagCount > 0 {
		stored.SourceVersion = d.copyRecord(ctx, key, info)
	}
	return stored, nil
}

// Store implements ingest.Destination.
func (d *destination) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	key, err := d.key(codec)
	if err != nil {
		return nil, err
	}
	u := &upload{d: d, key: key, obj: &obj}
	if u.opts, err = d.putOptions(ctx, &obj); err != nil {
		return nil, err
	}
	stored, err := u.run(ctx)
	if err != nil {
		return nil, err
	}
	d.recordUnlessComparable(ctx, u, stored)
	return stored, nil
}

func (d *destination) recordUnlessComparable(ctx context.Context, u *upload, stored *ingest.Stored) {
	if !comparable(u.obj, stored) {
		d.recordCopy(ctx, u.key, u.obj, stored, u.opts.UserTags)
	}
}

// comparable reports whether the next Stat can prove by ETags alone that this is
// the same content.
func comparable(obj *ingest.Object, stored *ingest.Stored) bool {
	return obj.ETag == stored.ETag && (isPlainETag(obj.ETag) || multipartETag.MatchString(obj.ETag)) ||
		(obj.MD5 != nil && stored.MD5 != nil)
}

// putOptions carries over what the source says of the object.
func (d *destination) putOptions(ctx context.Context, obj *ingest.Object) (minio.PutObjectOptions, error) {
	opts := minio.PutObjectOptions{
		ContentType:        obj.MimeType,
		ContentEncoding:    obj.ContentEncoding,
		ContentDisposition: obj.ContentDisposition,
		ContentLanguage:    obj.ContentLanguage,
		CacheControl:       obj.CacheControl,
		StorageClass:       d.storageClass,
		UserMetadata:       map[string]string{},
		// The MD5 that goes with every request covers the content.
		DisableContentSha256: true,
	}
	for k, v := range obj.Metadata {
		// Without the prefix, minio-go would take some names for headers
		// with a meaning, such as x-amz-acl.
		opts.UserMetadata[metaPrefix+k] = v
	}
	if d.createOnly {
		opts.SetMatchETagExcept("*")
	}
	if d.tags && obj.Tags != nil {
		var err error
		if opts.UserTags, err = obj.Tags(ctx); err != nil {
			return opts, err
		}
		delete(opts.UserTags, copyTag)
	}
	return opts, nil
}

// Confirm keeps the metafile of an object: it is made where it is missing.
func (d *destination) Confirm(ctx context.Context, codec ingest.Codec) error {
	if d.metafilesPrefix == "" {
		return nil
	}
	key := d.metafilesPrefix + codec.Name + ".done"
	if err := checkKey(key, d.unsafeKeys); err != nil {
		return err
	}
	_, err := d.api.StatObject(ctx, d.bucket, key, minio.StatObjectOptions{})
	if err == nil {
		return nil
	}
	if !isMissing(err) {
		return d.failed(ctx, accessRead, fmt.Sprintf("looking at metafile %q", key), err)
	}
	_, err = d.api.PutObject(ctx, d.bucket, key, emptyBody(), 0, emptyMD5, "", minio.PutObjectOptions{})
	if err != nil {
		return d.failed(ctx, accessWrite, fmt.Sprintf("storing metafile %q", key), err)
	}
	return nil
}
