package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest/internal/finding"
)

// explain says what to do about an error of the connection, or of a request.
func (c *checker) explain(err error) error {
	if err == nil {
		return nil
	}
	where := redactURLs(c.cfg.Server.URLs)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return finding.Mend(fmt.Errorf("the server at %s is reachable but has no JetStream", where), "start it with nats-server -js")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return finding.Mend(fmt.Errorf("the account at %s has no JetStream", where), "enable JetStream for the account, or fix field %s", fieldAuth)
	case errors.Is(err, nats.ErrPermissionViolation):
		return finding.Mend(err, "grant this to the user of field %s on the server", fieldAuth)
	case errors.Is(err, nats.ErrAuthorization) && c.anonymous:
		return finding.Mend(err, "the server wants credentials: set field %s", fieldAuth)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return finding.Mend(err, "the server refuses the credentials: fix field %s", fieldAuth)
	case errors.Is(err, nats.ErrSecureConnRequired):
		return finding.Mend(err, "the server wants TLS: set %s.enabled: true", fieldTLS)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return finding.Mend(err, "the server has no TLS: set %s.enabled: false", fieldTLS)
	case errors.Is(err, nats.ErrNoServers):
		return finding.Mend(err, "start the server (nats-server -js), or fix field %s", fieldURLs)
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return finding.Mend(err, "there is no answer: see that a NATS server is what listens there, or fix field %s", fieldURLs)
	}
	if mended := finding.Network(err, fieldURLs); mended != nil {
		return mended
	}
	return err
}
