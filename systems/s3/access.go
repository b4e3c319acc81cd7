package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

var (
	_ ingest.AccessTester = (*source)(nil)
	_ ingest.AccessTester = (*destination)(nil)
)

// TestAccess implements ingest.AccessTester: a listing of one key beneath the
// prefix, and those of destinations that it is compared with, a GET of the first byte of an object, and a DELETE as in testDelete.
func (s *source) TestAccess(ctx context.Context, access ingest.Access, beside *ingest.Codec) error {
	switch access {
	case ingest.AccessList:
		err := s.testList(ctx, s.prefix)
		if err == nil && s.changes != nil {
			err = s.changes.testLists(ctx)
		}
		return err
	case ingest.AccessGet:
		key := s.known(ctx, beside)
		if key == "" {
			return s.testGetOfNone(ctx, s.prefix, together)
		}
		return s.explain(s.getByte(ctx, key), "reading", "s3:GetObject", "*")
	case ingest.AccessDelete:
		key := s.known(ctx, beside)
		dir, _ := path.Split(key)
		err := s.testDelete(ctx, unusedKey(dir))
		if key == "" && errors.Is(err, ingest.ErrDenied) {
			return finding.Mend(fmt.Errorf("%w: it is denied, but it may be allowed beneath a prefix, and no object is known to try it beside", ingest.ErrNotTested),
				"%sgrant s3:ListBucket on arn:aws:s3:::%s", together, s.bucket)
		}
		return err
	}
	return fmt.Errorf("%w: a source has no use for %s", ingest.ErrNotTested, access)
}

// TestAccess implements ingest.AccessTester: a GET of a key that is not there, an
// upload as in testPut, and a DELETE as in testDelete.
func (d *destination) TestAccess(ctx context.Context, access ingest.Access, _ *ingest.Codec) error {
	switch access {
	case ingest.AccessList:
		return d.testList(ctx, d.prefix)
	case ingest.AccessGet:
		return d.testGetOfNone(ctx, d.prefix, "")
	case ingest.AccessPut:
		return d.testPut(ctx, unusedKey(d.prefix))
	case ingest.AccessDelete:
		return d.testDelete(ctx, unusedKey(d.prefix))
	}
	return fmt.Errorf("%w: a destination has no use for %s", ingest.ErrNotTested, access)
}

// unusedKey is a key that no object has.
func unusedKey(prefix string) string { return prefix + ".ingest-check-" + rand.Text() }

// together is how a test finds an object where it may list none.
const together = "check this together with the configuration that lists the bucket, or "

// known returns the key of an object, or nothing.
func (s *source) known(ctx context.Context, beside *ingest.Codec) string {
	if beside != nil {
		return beside.ID
	}
	// Whoever may not list knows none.
	key, _ := s.first(ctx, s.prefix)
	return key
}

// testList lists one key beneath the prefix.
func (c *client) testList(ctx context.Context, prefix string) error {
	_, err := c.first(ctx, prefix)
	return c.explain(err, "listing", "s3:ListBucket", "")
}

// first returns the first key beneath the prefix, or none.
func (c *client) first(ctx context.Context, prefix string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for obj := range c.api.ListObjectsIter(ctx, c.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, MaxKeys: 1}) {
		return obj.Key, obj.Err
	}
	// A listing that is cancelled ends as if it were complete.
	return "", ctx.Err()
}

// getByte reads the first byte of an object.
func (c *client) getByte(ctx context.Context, key string) error {
	var opts minio.GetObjectOptions
	if err := opts.SetRange(0, 0); err != nil {
		return err
	}
	body, _, _, err := c.api.GetObject(ctx, c.bucket, key, opts)
	resp, answered := response(err)
	switch {
	case err == nil:
		defer body.Close() //nolint:errcheck // nothing is written
		_, err = io.Copy(io.Discard, body)
		return err
	case answered && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		// It is empty.
		return nil
	case answered && resp.Code == "InvalidObjectState":
		// It is archived: reading is allowed, and not possible.
		return nil
	}
	return err
}

// testGetOfNone reads a key that is not there. Who may read but not list is
// denied that too, so that a refusal says something only where listing is
// allowed. The advice is what else may help.
func (c *client) testGetOfNone(ctx context.Context, prefix, advice string) error {
	err := c.getByte(ctx, unusedKey(prefix))
	switch {
	case isMissing(err):
		return nil
	case !isAccessDenied(err):
		return c.explain(err, "reading", "s3:GetObject", "*")
	}
	if _, listErr := c.first(ctx, prefix); listErr != nil {
		return finding.Mend(fmt.Errorf("%w: no object is known to try it on", ingest.ErrNotTested),
			"%sgrant s3:ListBucket on arn:aws:s3:::%s", advice, c.bucket)
	}
	return c.explain(err, "reading", "s3:GetObject", "*")
}

// noUpload is the ID of no upload.
const noUpload = "aW5nZXN0LWNoZWNrLm5vLXN1Y2gtdXBsb2Fk"

// md5OfX is the MD5 of "x".
const md5OfX = "ndTkYSaMgDT1yFZOFVxnpg=="

// testPut uploads a part, of one byte, of an upload that does not exist. That
// needs the permission to put objects, and can succeed nowhere.
func (c *client) testPut(ctx context.Context, key string) error {
	_, err := c.api.PutObjectPart(ctx, c.bucket, key, noUpload, 1, strings.NewReader("x"), 1, minio.PutObjectPartOptions{Md5Base64: md5OfX, DisableContentSha256: true})
	if resp, ok := response(err); ok && resp.Code == "NoSuchUpload" {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%w: the server takes parts of uploads that do not exist", ingest.ErrNotTested)
	}
	return c.explain(err, "putting objects", "s3:PutObject", "*")
}

// testDelete removes a key that is not there, on the condition of an ETag that
// nothing has. On a bucket with versions some servers would leave a delete marker,
// so that nothing is sent there, nor where the server does not say.
func (c *client) testDelete(ctx context.Context, key string) error {
	versioning, err := c.api.GetBucketVersioning(ctx, c.bucket)
	resp, answered := response(err)
	switch {
	case isAccessDenied(err):
		return finding.Mend(fmt.Errorf("%w: a DELETE could leave a delete marker, and the server does not say whether the bucket has versions", ingest.ErrNotTested),
			"grant s3:GetBucketVersioning on arn:aws:s3:::%s, and see that s3:DeleteObject is granted", c.bucket)
	case answered && resp.StatusCode == http.StatusNotImplemented:
		// There are no versions at all.
	case err != nil:
		return c.explain(err, "asking for versioning", "s3:GetBucketVersioning", "")
	case versioning.Status != "":
		return fmt.Errorf("%w: the bucket has versions, and a DELETE could leave a delete marker", ingest.ErrNotTested)
	}
	err = c.api.RemoveObject(withIfMatch(ctx, noETag), c.bucket, key, minio.RemoveObjectOptions{})
	if isMissing(err) || hasStatus(err, http.StatusPreconditionFailed) {
		return nil
	}
	return c.explain(err, "deleting objects", "s3:DeleteObject", "*")
}

// noETag is a digest that nothing has.
const noETag = "00000000000000000000000000000000"

// isAccessDenied reports whether what was asked for is denied, as opposed to the
// credentials.
func isAccessDenied(err error) bool {
	resp, ok := response(err)
	return ok && isDenied(err) && !refusedCodes[resp.Code]
}
