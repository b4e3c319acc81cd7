package drive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// access says what a request was for, which decides what a refusal means.
type access int

const (
	// accessProbe asks for where all objects go.
	accessProbe access = iota
	// accessFile concerns one file, which may have rules of its own.
	accessFile
	// accessAdd adds something to a folder; who may not add may add nothing.
	accessAdd
)

// probeTimeout bounds the question whether the server is there at all.
const probeTimeout = 10 * time.Second

var (
	// rateReasons come with the status 403, and pass.
	rateReasons = []string{"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"}
	// fullReasons say that nothing more can be stored for now.
	fullReasons = []string{"dailyLimitExceeded", "quotaExceeded", "storageQuotaExceeded", "teamDriveFileLimitExceeded", "activeItemCreationLimitExceeded", "numChildrenInNonRootLimitExceeded"}
	// keyReasons come with the status 400.
	keyReasons = []string{"keyInvalid", "keyExpired"}
	// permanentReasons say that this object can never be there.
	permanentReasons = []string{"teamDriveHierarchyTooDeep", "uploadTooLarge"}
)

func hasReason(err *googleapi.Error, reasons []string) bool {
	return slices.ContainsFunc(err.Errors, func(item googleapi.ErrorItem) bool { return slices.Contains(reasons, item.Reason) })
}

func hasStatus(err error, status int) bool {
	var answer *googleapi.Error
	return errors.As(err, &answer) && answer.Code == status
}

func isMissing(err error) bool { return hasStatus(err, http.StatusNotFound) }

// refusesCredentials reports whether the credentials got as far as being refused.
func refusesCredentials(err error) bool {
	var token *auth.Error
	if errors.As(err, &token) {
		return token.Response != nil && token.Response.StatusCode < http.StatusInternalServerError && token.Response.StatusCode != http.StatusTooManyRequests
	}
	return errors.Is(err, ingest.ErrMisconfigured) || hasStatus(err, http.StatusUnauthorized)
}

// withoutURL leaves out the URL of a request: that of an upload is as good as a
// password.
func withoutURL(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

// failed gives err its kind, and says what failed.
func (c *client) failed(ctx context.Context, a access, doing string, err error) error {
	err = withoutURL(err)
	text := fmt.Errorf("%s in Google Drive: %w", doing, err)
	var answer *googleapi.Error
	answered := errors.As(err, &answer)
	switch {
	case ctx.Err() != nil:
		// Whoever cancelled knows why.
		return text
	case refusesCredentials(err), answered && hasReason(answer, keyReasons):
		return ingest.Misconfigured(text)
	case answered && hasReason(answer, permanentReasons):
		return ingest.Permanent(text)
	case answered && (hasReason(answer, rateReasons) || hasReason(answer, fullReasons)):
		return ingest.Outage(text)
	case answered && answer.Code == http.StatusForbidden && a != accessFile:
		return ingest.Misconfigured(text)
	case answered && (answer.Code > http.StatusInternalServerError || answer.Code == http.StatusTooManyRequests):
		return ingest.Outage(text)
	case answered && answer.Code == http.StatusNotFound && a == accessProbe:
		return ingest.Misconfigured(text)
	case answered && answer.Code < http.StatusInternalServerError:
		// The server is there, and has something against this request.
		return text
	case a == accessProbe || component.CannotConnect(err):
		return ingest.Outage(text)
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
