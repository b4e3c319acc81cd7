package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// connection is one connection to the servers of a Server.
type connection struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	release func()
	// embedded is the server inside this process, if it is one.
	embedded *embedded
}

func connect(ctx context.Context, cfg Server, log *service.Logger) (*connection, error) {
	opts := append([]nats.Option{
		nats.Name(cfg.Name),
		nats.MaxReconnects(-1),
		// What is said of a message must not reach the server late, when the
		// message is another worker's: see await.
		nats.ReconnectBufSize(-1),
		nats.Timeout(5 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warnf("queue connection: %v", err)
		}),
	}, cfg.Auth...)
	c := &connection{release: func() {}}
	where := cfg.String()
	if len(cfg.URLs) == 0 {
		e, err := acquireEmbedded(cfg, log)
		if err != nil {
			return nil, err
		}
		c.release, c.embedded = e.release, e
		opts = append(opts, nats.InProcessServer(e.server))
	} else {
		if cfg.TLS != nil {
			opts = append(opts, nats.Secure(cfg.TLS))
		}
		if cfg.TLSHandshakeFirst {
			opts = append(opts, nats.TLSHandshakeFirst())
		}
	}
	nc, err := nats.Connect(strings.Join(cfg.URLs, ","), opts...)
	if err != nil {
		c.release()
		return nil, fmt.Errorf("connecting to %s: %w", where, err)
	}
	c.nc = nc
	if c.js, err = jetstream.New(nc); err == nil {
		_, err = c.js.AccountInfo(ctx)
	}
	if err != nil {
		err = c.explain(err)
		c.close()
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return nil, fmt.Errorf("%s has no JetStream: start the server with -js, or enable it for the account: %w", where, err)
		}
		return nil, fmt.Errorf("asking %s for JetStream: %w", where, err)
	}
	return c, nil
}

// watch tells why the connection is lost, and with nil that it is back.
func (c *connection) watch(log *service.Logger, tell func(error)) {
	c.nc.SetDisconnectErrHandler(func(_ *nats.Conn, err error) {
		if err != nil {
			log.Warnf("queue connection lost, reconnecting: %v", err)
			tell(fmt.Errorf("the connection is lost: %w", err))
		}
	})
	c.nc.SetReconnectHandler(func(*nats.Conn) {
		log.Info("queue connection restored")
		tell(nil)
	})
}

// await waits until there is a connection, as long as an answer would be waited for.
func (c *connection) await(ctx context.Context) {
	if c.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	changed := c.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.nc.RemoveStatusListener(changed)
	if c.nc.IsConnected() || c.nc.IsClosed() {
		return
	}
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// explain adds what the server has refused: it answers a request that a user may
// not make with silence, and says why elsewhere.
func (c *connection) explain(err error) error {
	if last := c.nc.LastError(); errors.Is(err, context.DeadlineExceeded) && errors.Is(last, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", last, err)
	}
	return err
}

func (c *connection) close() {
	c.nc.Close()
	c.release()
}

// String names the servers, without what authenticates to them.
func (s Server) String() string {
	if len(s.URLs) == 0 {
		return "the embedded server in " + s.StoreDir
	}
	return "NATS at " + redactURLs(s.URLs)
}

// redactURLs keeps user names and passwords out of errors.
func redactURLs(urls []string) string {
	shown := make([]string, 0, len(urls))
	for _, raw := range strings.Split(strings.Join(urls, ","), ",") {
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil || u.Host == "" {
			shown = append(shown, "(unreadable URL)")
			continue
		}
		u.User = nil
		shown = append(shown, u.String())
	}
	return strings.Join(shown, ",")
}
