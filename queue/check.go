package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest/internal/finding"
)

// Where names the queue, without credentials.
func (c Config) Where() string {
	c.setDefaults()
	at := "in " + c.Server.StoreDir
	if len(c.Server.URLs) > 0 {
		at = "at " + redactURLs(c.Server.URLs)
	}
	return fmt.Sprintf("stream %s %s, subject %s", c.Stream, at, c.Subject)
}

// Check tests what a component with this configuration needs of the queue, and
// changes nothing: requests that would change something are made unreadable, so
// that the server refuses them, and tells by how whether they are permitted. The
// server inside the process is not started; its folder is looked at.
func Check(ctx context.Context, cfg Config, consumes bool) []finding.Finding {
	if err := cfg.Validate(); err != nil {
		return []finding.Finding{finding.Of("fields", err)}
	}
	cfg.setDefaults()
	if len(cfg.Server.URLs) == 0 {
		return checkFolder(cfg.Server.StoreDir)
	}
	c := &checker{cfg: cfg, consumes: consumes}
	c.cfg.Server.Auth = append(slices.Clone(cfg.Server.Auth), nats.ErrorHandler(c.denials.handle), nats.NoReconnect())
	if deadline, ok := ctx.Deadline(); ok {
		c.cfg.Server.Auth = append(c.cfg.Server.Auth, nats.Timeout(time.Until(deadline)))
	}
	c.anonymous = len(cfg.Server.Auth) == 0
	c.run(ctx)
	return c.found
}

type checker struct {
	cfg      Config
	consumes bool
	// anonymous says that there are no credentials.
	anonymous bool
	conn      *connection
	denials   denials
	found     []finding.Finding
}

func (c *checker) add(f finding.Finding) { c.found = append(c.found, f) }

func (c *checker) run(ctx context.Context) {
	err := c.denials.during(ctx, func(ctx context.Context) (err error) {
		c.conn, err = connect(ctx, c.cfg.Server, nil)
		return err
	})
	if err != nil {
		c.add(finding.Of("connect", c.explain(err)))
		return
	}
	defer c.conn.close()
	c.add(finding.Of("connect", nil))
	stream, err := c.stream(ctx, c.cfg.Stream)
	switch {
	case err != nil:
		c.add(finding.Of("stream "+c.cfg.Stream, err))
		return
	case stream == nil:
		c.checkMissing(ctx)
	default:
		c.checkExisting(ctx, stream)
	}
	if c.consumes {
		c.checkBeside(ctx)
	}
}

// stream returns nil where there is no such stream.
func (c *checker) stream(ctx context.Context, name string) (stream jetstream.Stream, err error) {
	err = c.denials.during(ctx, func(ctx context.Context) (err error) {
		stream, err = c.conn.js.Stream(ctx, name)
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, c.explain(fmt.Errorf("looking up stream %s: %w", name, err))
	}
	return stream, nil
}

// checkMissing is for a stream that a run would create.
func (c *checker) checkMissing(ctx context.Context) {
	test := "stream " + c.cfg.Stream
	if taken := c.taken(ctx); taken != nil {
		c.add(finding.Of(test, taken))
		return
	}
	account, err := c.conn.js.AccountInfo(ctx)
	if err == nil && account.Limits.MaxStreams >= 0 && account.Streams >= account.Limits.MaxStreams {
		c.add(finding.Of(test, finding.Mend(fmt.Errorf("stream %s does not exist, and the account has all the %d streams that it may have", c.cfg.Stream, account.Streams),
			"remove a stream, or raise the account's limit")))
		return
	}
	if err := c.permitted(ctx, "$JS.API.STREAM.CREATE."+c.cfg.Stream); err != nil {
		c.add(finding.Of(test, err))
		return
	}
	c.add(finding.Say(test, finding.OK, "it does not exist yet, and a run would create it"))
}

// checkExisting compares the stream with what is needed.
func (c *checker) checkExisting(ctx context.Context, stream jetstream.Stream) {
	test := "stream " + c.cfg.Stream
	have := stream.CachedInfo().Config
	if diffs := differences(&have, &c.cfg); diffs != nil {
		c.add(finding.Of(test, finding.Mend(fmt.Errorf("stream %s exists with settings that could lose objects: %w", have.Name, diffs),
			"let its consumers finish and remove it (nats stream rm %s), or set field %s to another name", have.Name, fieldStream)))
		return
	}
	if _, changes := merged(have, &c.cfg); changes {
		if taken := c.taken(ctx); taken != nil {
			c.add(finding.Of(test, taken))
			return
		}
		if err := c.permitted(ctx, "$JS.API.STREAM.UPDATE."+c.cfg.Stream); err != nil {
			c.add(finding.Of(test, err))
			return
		}
		c.add(finding.Say(test, finding.OK, "a run would add the subject, or change the limits"))
	} else {
		c.add(finding.Of(test, nil))
	}
	if c.consumes {
		c.checkConsumer(ctx, stream)
		return
	}
	c.add(finding.Of("publish", c.publishable(ctx)))
}

// taken is an error if another stream has the subject.
func (c *checker) taken(ctx context.Context) error {
	name, err := c.conn.js.StreamNameBySubject(ctx, c.cfg.filter())
	if err != nil || name == c.cfg.Stream {
		return nil
	}
	return finding.Mend(fmt.Errorf("stream %s takes subject %s already", name, c.cfg.filter()),
		"set field %s to a subject of its own, or field %s to %s", fieldSubject, fieldStream, name)
}

func (c *checker) checkConsumer(ctx context.Context, stream jetstream.Stream) {
	test := "consumer " + c.cfg.Consumer
	if err := c.permitted(ctx, "$JS.API.CONSUMER.CREATE."+c.cfg.Stream+"."+c.cfg.Consumer+"."+c.cfg.filter()); err != nil {
		c.add(finding.Of(test, err))
		return
	}
	consumer, err := stream.Consumer(ctx, c.cfg.Consumer)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		c.add(finding.Say(test, finding.OK, "it does not exist yet, and a run would create it"))
	case errors.Is(err, jetstream.ErrNotPullConsumer), err == nil && consumer.CachedInfo().Config.AckPolicy != jetstream.AckExplicitPolicy:
		c.add(finding.Of(test, finding.Mend(fmt.Errorf("consumer %s exists, and is no pull consumer with explicit acknowledgements", c.cfg.Consumer),
			"remove it (nats consumer rm %s %s), or set field %s to another name", c.cfg.Stream, c.cfg.Consumer, fieldConsumer)))
	case err != nil:
		c.add(finding.Of(test, c.explain(err)))
	default:
		c.add(c.compareConsumer(test, consumer.CachedInfo().Config))
	}
}

func (c *checker) compareConsumer(test string, have jetstream.ConsumerConfig) finding.Finding {
	if have.AckWait != c.cfg.AckWait || have.MaxAckPending != c.cfg.MaxAckPending {
		return finding.Say(test, finding.Note, "a run would change it for all workers: %s from %s to %s, %s from %d to %d",
			fieldAckWait, have.AckWait, c.cfg.AckWait, fieldMaxAckPending, have.MaxAckPending, c.cfg.MaxAckPending)
	}
	return finding.Of(test, nil)
}

// checkBeside is for the streams of the dead letters and of the attempts.
func (c *checker) checkBeside(ctx context.Context) {
	for _, beside := range []struct{ test, stream string }{
		{"dead letters", c.cfg.deadStream()},
		{"attempts", "KV_" + c.cfg.Stream + "_attempts"},
	} {
		stream, err := c.stream(ctx, beside.stream)
		api := "$JS.API.STREAM.CREATE."
		if stream != nil {
			api = "$JS.API.STREAM.UPDATE."
		}
		if err == nil {
			err = c.permitted(ctx, api+beside.stream)
		}
		f := finding.Of(beside.test, err)
		if err == nil && stream == nil {
			f.Text = "stream " + beside.stream + " does not exist yet, and a run would create it"
		}
		c.add(f)
	}
}

// permitted sends a request that no server can read.
func (c *checker) permitted(ctx context.Context, api string) error {
	return c.explain(c.denials.during(ctx, func(ctx context.Context) error {
		_, err := c.conn.nc.RequestWithContext(ctx, api, []byte("{"))
		return err
	}))
}

// publishable publishes on the condition that another stream takes the message.
func (c *checker) publishable(ctx context.Context) error {
	err := c.denials.during(ctx, func(ctx context.Context) error {
		_, err := c.conn.js.Publish(ctx, elementSubject(c.cfg.Subject, "ingest-check"), nil, jetstream.WithExpectStream(c.cfg.Stream+"-of-another-name"))
		return err
	})
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == jsErrStreamNotMatch {
		return nil
	}
	return c.explain(err)
}

const jsErrStreamNotMatch jetstream.ErrorCode = 10060

// denials turns what the server says about permissions, which it says outside of
// the answer to a request, into the error of that request.
type denials struct {
	mu     sync.Mutex
	cancel context.CancelCauseFunc
}

func (d *denials) handle(_ *nats.Conn, _ *nats.Subscription, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errors.Is(err, nats.ErrPermissionViolation) && d.cancel != nil {
		d.cancel(err)
	}
}

func (d *denials) set(cancel context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel = cancel
}

func (d *denials) during(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.set(cancel)
	defer d.set(nil)
	err := f(ctx)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, nats.ErrPermissionViolation) {
		return cause
	}
	return err
}
