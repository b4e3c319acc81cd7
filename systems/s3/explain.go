package s3

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

// explain says what to do about the error of a request that needs a permission
// for the bucket, or for keys in it.
func (c *client) explain(err error, doing, permission, keys string) error {
	if err == nil {
		return nil
	}
	if isAccessDenied(err) {
		return c.explainDenied(doing, permission, keys)
	}
	resp, answered := response(err)
	if !answered {
		err = fmt.Errorf("%s in bucket %s at %s: %w", doing, c.bucket, c.endpoint, err)
		if mended := finding.Network(err, fieldEndpoint); mended != nil {
			return mended
		}
		return finding.Mend(err, "fix field %s, or what is between here and there", fieldEndpoint)
	}
	said := fmt.Errorf("the server at %s answers %s (%s)", c.endpoint, strings.TrimSuffix(resp.Message, "."), resp.Code)
	switch resp.Code {
	case minio.NoSuchBucket:
		return finding.Mend(fmt.Errorf("bucket %s does not exist at %s", c.bucket, c.endpoint), "create it (mc mb, aws s3 mb), or fix field %s", fieldBucket)
	case "InvalidAccessKeyId", "XMinioAdminNoSuchUser":
		return finding.Mend(said, "the access key is not known there: fix field %s, or field %s", fieldAccessKeyID, fieldEndpoint)
	case "SignatureDoesNotMatch":
		return finding.Mend(fmt.Errorf("%w: the signature does not match", said), "%s is wrong for this access key: fix it", fieldSecretAccessKey)
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidTokenId", "TokenRefreshRequired":
		return finding.Mend(said, "get new temporary credentials, and set %s, %s and %s together", fieldAccessKeyID, fieldSecretAccessKey, fieldSessionToken)
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
		return finding.Mend(said, "the bucket is in another region: fix field %s, or field %s", fieldRegion, fieldEndpoint)
	case "RequestTimeTooSkewed":
		return finding.Mend(said, "set the clock of this machine, or of the server")
	}
	if c.insecure && resp.StatusCode == http.StatusBadRequest {
		return finding.Mend(said, "the server may speak TLS only: set %s: false", fieldInsecure)
	}
	return finding.Mend(said, "see that an S3 server is what listens at %s (field %s)", c.endpoint, fieldEndpoint)
}

func (c *client) explainDenied(doing, permission, keys string) error {
	err := fmt.Errorf("%s is %w in bucket %s at %s", doing, ingest.ErrDenied, c.bucket, c.endpoint)
	if v, getErr := c.creds.GetWithContext(nil); getErr == nil && v.SignerType == credentials.SignatureAnonymous {
		return finding.Mend(fmt.Errorf("%w to those without credentials", err), "no credentials were found: set %s and %s", fieldAccessKeyID, fieldSecretAccessKey)
	}
	resource := "arn:aws:s3:::" + c.bucket
	if keys != "" {
		resource += "/" + keys
	}
	return finding.Mend(err, "grant %s on %s", permission, resource)
}
