package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/minio/minio-go/v7"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	// emptySHA256 is the SHA-256 of nothing, in hexadecimal.
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// lean makes the two requests that a small object takes, in less than half the time
// that minio-go needs to prepare them. It makes them once, and only for keys that stand
// in a URL as they are: whatever is not answered with 200 OK, minio-go asks again,
// which knows the errors and the retries.
type lean struct {
	api    *minio.Core
	bucket string
	next   http.RoundTripper
	signer *v4.Signer

	// off says that the server does not take what it takes from minio-go.
	off atomic.Bool

	mu    sync.Mutex
	scope *scope
}

// scope is what a request is made with, besides its key.
type scope struct {
	scheme, host, path string
	region             string
}

func newLean(api *minio.Core, bucket string, next http.RoundTripper) *lean {
	return &lean{api: api, bucket: bucket, next: next,
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
}

// get returns nil if the object is to be asked for through minio-go.
func (l *lean) get(ctx context.Context, key string, header http.Header) *http.Response {
	resp, _ := l.do(ctx, http.MethodGet, key, header, emptySHA256, nil)
	return resp
}

// put returns the headers of the answer; neither them nor an error if the content is to be
// stored through minio-go.
func (l *lean) put(ctx context.Context, key string, header http.Header, content []byte) (http.Header, error) {
	resp, err := l.do(ctx, http.MethodPut, key, header, unsignedPayload, content)
	if resp == nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxDirectBody)); err != nil {
		return nil, nil
	}
	return resp.Header, nil
}

// do returns an error only if the content arrived damaged: minio-go would not send it
// once more either.
func (l *lean) do(ctx context.Context, method, key string, header http.Header, sum string, content []byte) (*http.Response, error) {
	if l.off.Load() || !standsInURL(key) {
		return nil, nil
	}
	scope := l.scopeOf(ctx)
	if scope == nil {
		return nil, nil
	}
	creds, err := l.api.GetCreds()
	if err != nil || !creds.SignerType.IsV4() {
		return nil, nil
	}
	header.Set("User-Agent", "ingest")
	header.Set("X-Amz-Content-Sha256", sum)
	req := (&http.Request{
		Method:        method,
		URL:           &url.URL{Scheme: scope.scheme, Host: scope.host, Path: scope.path + key},
		Host:          scope.host,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		ContentLength: int64(len(content)),
	}).WithContext(ctx)
	if len(content) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(content))
	}
	err = l.signer.SignHTTP(ctx, aws.Credentials{
		AccessKeyID: creds.AccessKeyID, SecretAccessKey: creds.SecretAccessKey, SessionToken: creds.SessionToken,
	}, req, sum, "s3", scope.region, time.Now())
	if err != nil {
		return nil, nil
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, nil
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusForbidden {
		return nil, nil
	}
	refusal := minio.ErrorResponse{StatusCode: resp.StatusCode, Server: resp.Header.Get("Server")}
	if err := xml.NewDecoder(resp.Body).Decode(&refusal); err == nil && damagedCodes[refusal.Code] {
		return nil, refusal
	}
	l.off.Store(true)
	return nil, nil
}

// standsInURL reports whether a key needs no encoding.
func standsInURL(key string) bool {
	if key == "" {
		return false
	}
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '~':
		case c == '.' || c == '/':
			// Whoever cleans paths would take another key for this one.
			if i == 0 || key[i-1] == '.' || key[i-1] == '/' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// scopeOf asks minio-go, which knows the styles of URLs and asks the server for the
// region, how it would sign. It returns nil where it would not sign with a V4 signature
// for S3.
func (l *lean) scopeOf(ctx context.Context) *scope {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.scope != nil {
		return l.scope
	}
	const key = "x"
	signed, err := l.api.PresignedGetObject(ctx, l.bucket, key, time.Hour, nil)
	if err != nil {
		return nil
	}
	// access key/date/region/service/aws4_request
	credential := strings.Split(signed.Query().Get("X-Amz-Credential"), "/")
	n := len(credential)
	if n < 5 || credential[n-2] != "s3" || !strings.HasSuffix(signed.Path, "/"+key) {
		l.off.Store(true)
		return nil
	}
	l.scope = &scope{signed.Scheme, signed.Host, strings.TrimSuffix(signed.Path, key), credential[n-3]}
	return l.scope
}

// leanPut reports false if the content is to be stored through minio-go.
func (c *client) leanPut(ctx context.Context, key string, opts minio.PutObjectOptions, content, sum []byte) (info minio.UploadInfo, ok bool, err error) {
	header := opts.Header()
	header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum))
	answer, err := c.lean.put(ctx, key, header, content)
	if answer == nil {
		return info, err != nil, err
	}
	return minio.UploadInfo{Key: key, ETag: strings.Trim(answer.Get("ETag"), `"`), VersionID: answer.Get("X-Amz-Version-Id")}, true, nil
}
