package s3

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldEndpoint        = "endpoint"
	fieldInsecure        = "insecure"
	fieldRegion          = "region"
	fieldBucket          = "bucket"
	fieldAccessKeyID     = "access_key_id"
	fieldSecretAccessKey = "secret_access_key"
	fieldSessionToken    = "session_token"
	fieldAddressing      = "addressing_style"
	fieldTLS             = "tls"
)

// connectionFields configure the connection of every component. The lint rules let
// empty values pass: they stand for variables of the environment that are not set
// while a configuration is linted or tested.
func connectionFields() []*service.ConfigField {
	return append([]*service.ConfigField{
		service.NewStringField(fieldEndpoint).
			Description("Host and, where need be, port of the server.").
			Default("s3.amazonaws.com").
			Example("localhost:9000").
			LintRule(`root = if this.contains("://") { [ "a host and port without a scheme was expected; for plain HTTP set insecure: true" ] } else if this.contains("/") { [ "a host and port was expected" ] }`),
		service.NewBoolField(fieldInsecure).
			Description("Use plain HTTP in place of HTTPS.").
			Default(false),
		service.NewStringField(fieldRegion).
			Description("The region. If empty, the server is asked.").
			Default("").Advanced(),
		service.NewStringField(fieldBucket).
			Description("The name of the bucket."),
		service.NewStringField(fieldAccessKeyID).
			Description("The access key. If empty, credentials are looked for in the environment (AWS_ACCESS_KEY_ID, MINIO_ROOT_USER, …), in the shared credentials files of AWS and mc, and in the IAM role of the machine, in this order.").
			Default(""),
		service.NewStringField(fieldSecretAccessKey).
			Description("The secret of the access key.").
			Default("").Secret(),
		service.NewStringField(fieldSessionToken).
			Description("The session token of temporary credentials.").
			Default("").Secret().Advanced(),
		service.NewStringAnnotatedEnumField(fieldAddressing, map[string]string{
			"auto":    "By the endpoint: `virtual` for those that are known to want it, `path` for all others.",
			"path":    "The bucket is the first part of the path.",
			"virtual": "The bucket is the first part of the host name.",
		}).
			Description("Where the bucket's name goes in a URL.").
			Default("auto").Advanced(),
		service.NewTLSField(fieldTLS).Advanced(),
	}, limitFields()...)
}

// connection is what the fields of connectionFields say.
type connection struct {
	endpoint string
	insecure bool
	region   string
	bucket   string
	creds    *credentials.Credentials
	account  account
	lookup   minio.BucketLookupType
	tls      *tls.Config
	// limits may be nil.
	limits *limits
}

func connectionFromParsed(conf *service.ParsedConfig) (c connection, err error) {
	var id, secret, token, addressing string
	for field, into := range map[string]*string{
		fieldEndpoint:        &c.endpoint,
		fieldRegion:          &c.region,
		fieldBucket:          &c.bucket,
		fieldAccessKeyID:     &id,
		fieldSecretAccessKey: &secret,
		fieldSessionToken:    &token,
		fieldAddressing:      &addressing,
	} {
		if *into, err = conf.FieldString(field); err != nil {
			return c, err
		}
	}
	if c.insecure, err = conf.FieldBool(fieldInsecure); err != nil {
		return c, err
	}
	if c.tls, err = conf.FieldTLS(fieldTLS); err != nil {
		return c, err
	}
	if c.limits, err = limitsFromParsed(conf); err != nil {
		return c, err
	}
	if c.creds, err = newCredentials(id, secret, token); err != nil {
		return c, err
	}
	c.account = account{strings.ToLower(c.endpoint), c.insecure, id, secret, token}
	c.lookup = map[string]minio.BucketLookupType{
		"auto": minio.BucketLookupAuto, "path": minio.BucketLookupPath, "virtual": minio.BucketLookupDNS,
	}[addressing]
	return c, c.validate()
}

func (c *connection) validate() error {
	if strings.Contains(c.endpoint, "://") {
		return fmt.Errorf("field %s: %q has a scheme: a host and port was expected; for plain HTTP set %s: true", fieldEndpoint, c.endpoint, fieldInsecure)
	}
	if u, err := url.Parse("https://" + c.endpoint); err != nil || u.Host != c.endpoint || c.endpoint == "" {
		return fmt.Errorf("field %s: %q is no host and port", fieldEndpoint, c.endpoint)
	}
	if c.bucket == "" {
		return fmt.Errorf("field %s: the name of a bucket was expected", fieldBucket)
	}
	valid := s3utils.CheckValidBucketNameStrict
	if c.lookup == minio.BucketLookupPath {
		// The oldest buckets have names that no host can have.
		valid = s3utils.CheckValidBucketName
	}
	if err := valid(c.bucket); err != nil {
		return fmt.Errorf("field %s: %q: %w", fieldBucket, c.bucket, err)
	}
	return nil
}

func newCredentials(id, secret, token string) (*credentials.Credentials, error) {
	switch {
	case id == "" && secret == "":
		return credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{},
			&credentials.EnvMinio{},
			&credentials.FileAWSCredentials{},
			&credentials.FileMinioClient{},
			&credentials.IAM{},
		}), nil
	case id == "" || secret == "":
		return nil, errors.New("fields access_key_id and secret_access_key: both or none were expected")
	}
	return credentials.NewStaticV4(id, secret, token), nil
}
