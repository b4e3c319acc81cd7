package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// access says what a request was for, which decides what a refusal means.
type access int

const (
	// accessProbe asks for the bucket as a whole.
	accessProbe access = iota
	// accessRead concerns one object, which may have rules of its own.
	accessRead
	// accessWrite changes something; who may not write may write nothing.
	accessWrite
)

// probeTimeout bounds the question whether a server is there at all.
const probeTimeout = 10 * time.Second

var (
	// refusedCodes say that the configuration is wrong.
	refusedCodes = codes("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "InvalidToken",
		"InvalidTokenId", "TokenRefreshRequired", "AuthorizationHeaderMalformed", "InvalidSecurity", "NotSignedUp", "AccountProblem",
		"AllAccessDisabled", "PermanentRedirect", "IllegalLocationConstraintException", "RequestTimeTooSkewed", "NoSuchBucket",
		"InvalidBucketName", "XMinioAdminNoSuchUser", "InvalidStorageClass")
	// outageCodes say that the server cannot serve now.
	outageCodes = codes("SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "RequestLimitExceeded", "Throttling",
		"ThrottlingException", "RequestThrottled", "XMinioServerNotInitialized", "XMinioStorageFull", "XMinioBackendDown",
		"XMinioMaximumStorageUsage", "QuotaExceeded", "InsufficientStorage", "Busy")
	// permanentCodes say that this object can never be there.
	permanentCodes = codes("KeyTooLongError", "KeyTooLong", "InvalidObjectName", "XMinioInvalidObjectName", "XMinioInvalidResourceName",
		"InvalidURI", "MetadataTooLarge", "EntityTooLarge", "EntityTooSmall", "InvalidTag",
		"InvalidObjectState", "XMinioObjectExistsAsDirectory", "XMinioParentIsObject",
		"XMinioObjectParentIsObject", "ObjectParentIsFile", "ExistingObjectIsDirectory", "ExistingObjectIsFile", "DirectoryObjectContainsData",
		"UnsupportedMetadata", "XMinioInvalidObjectNamePrefixSlash")
)

func codes(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, c := range list {
		m[c] = true
	}
	return m
}

// response returns the server's answer behind err, if there is one.
func response(err error) (minio.ErrorResponse, bool) {
	var resp minio.ErrorResponse
	ok := errors.As(err, &resp)
	return resp, ok
}

func hasStatus(err error, status int) bool {
	resp, ok := response(err)
	return ok && resp.StatusCode == status
}

func isDenied(err error) bool {
	return hasStatus(err, http.StatusForbidden) || hasStatus(err, http.StatusUnauthorized)
}

// isMissing reports whether the answer was that there is no such object. It may
// be the bucket that is not there: the answer to a HEAD does not tell.
func isMissing(err error) bool {
	resp, ok := response(err)
	return ok && (resp.Code == minio.NoSuchKey || resp.Code == "NoSuchVersion")
}

func (c *client) noSuchBucket() error {
	return ingest.Misconfigured(fmt.Errorf("field %s: there is no bucket %q at %s", fieldBucket, c.bucket, c.endpoint))
}

// failed gives err its kind, and says what failed where.
func (c *client) failed(ctx context.Context, a access, doing string, err error) error {
	resp, answered := response(err)
	if answered && resp.Code == minio.NoSuchBucket {
		return c.noSuchBucket()
	}
	text := fmt.Errorf("%s in bucket %q at %s: %w", doing, c.bucket, c.endpoint, err)
	if answered {
		text = fmt.Errorf("%s in bucket %q at %s: %w (%s, status %d)", doing, c.bucket, c.endpoint, err, resp.Code, resp.StatusCode)
	}
	switch {
	case ctx.Err() != nil:
		// Whoever cancelled knows why.
		return text
	case answered && permanentCodes[resp.Code]:
		return ingest.Permanent(text)
	case answered && resp.StatusCode == http.StatusPreconditionFailed && a == accessRead:
		return ingest.Changed(text)
	case answered && refusedCodes[resp.Code]:
		return ingest.Misconfigured(text)
	case answered && (outageCodes[resp.Code] || resp.StatusCode == http.StatusServiceUnavailable ||
		resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusInsufficientStorage):
		return ingest.Outage(text)
	case a == accessProbe || component.CannotConnect(err):
		if answered && isDenied(err) {
			return ingest.Misconfigured(text)
		}
		return ingest.Outage(text)
	case answered && isDenied(err) && a == accessWrite:
		return ingest.Misconfigured(text)
	case answered && resp.StatusCode < http.StatusInternalServerError && !isDenied(err):
		// The server is there, and has something against this request.
		return text
	}
	// A connection that broke, or an internal error: is it the server, or
	// only this object?
	if c.reachable(ctx) {
		return text
	}
	return ingest.Outage(text)
}

func (c *client) reachable(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return c.TestConnection(ctx) == nil
}

// missing is the error for an object that is not there, once it is certain that
// the bucket is.
func (c *client) missing(ctx context.Context, key string) error {
	exists, err := c.api.BucketExists(ctx, c.bucket)
	switch {
	case err != nil:
		return c.failed(ctx, accessProbe, "asking for the bucket", err)
	case !exists:
		return c.noSuchBucket()
	}
	return ingest.NotFound(fmt.Errorf("there is no %s at %s", c.uri(key), c.endpoint))
}
