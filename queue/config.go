package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of Config. The waiting times bound how soon work that a dead worker
// held is taken up (AckWait), and how long a failing element is retried:
// with five attempts and these delays about half a minute.
const (
	DefaultStream        = "ingest"
	DefaultStoreDir      = "ingest-queue"
	DefaultAckWait       = 30 * time.Second
	DefaultMaxAckPending = 20_000
	DefaultPrefetch      = 64
	DefaultMaxAttempts   = 5
	DefaultBackoffMin    = time.Second
	DefaultBackoffMax    = time.Minute
)

// Config says where the queue is and how it behaves.
type Config struct {
	Server Server

	// Stream is the name of the JetStream stream; the streams of the dead
	// letters and the attempts are named after it.
	Stream string
	// Subject names the workflow. Elements are queued beneath it.
	Subject string
	// Consumer is the durable consumer that all workers share. Empty: the
	// subject with its dots replaced by two underscores.
	Consumer string

	// Replicas, MaxMsgs and MaxBytes are set on the stream where they are
	// greater than zero, and left as they are otherwise.
	Replicas int
	MaxMsgs  int64
	MaxBytes int64
	// Storage is used when the stream is created.
	Storage jetstream.StorageType

	// AckWait is how long the server waits for a sign of life before it
	// gives a message to another worker.
	AckWait time.Duration
	// MaxAckPending bounds the messages that are held or wait for a retry.
	MaxAckPending int
	// Prefetch is how many messages are fetched ahead.
	Prefetch int
	// MaxAttempts is the number of failed attempts after which a message
	// becomes a dead letter; 0 means never.
	MaxAttempts int
	// BackoffMin and BackoffMax bound the delay between attempts, which
	// doubles each time, and the pause during an outage.
	BackoffMin time.Duration
	BackoffMax time.Duration
}

// Server says which NATS servers to use.
type Server struct {
	// URLs of the servers; none means a server inside this process.
	URLs []string
	// StoreDir is where the server inside this process keeps the queue.
	StoreDir string
	// SyncAlways makes the server inside this process sync every write.
	SyncAlways bool
	// Name shows up in the server's list of connections.
	Name string
	// TLS is used where it is not nil.
	TLS *tls.Config
	// TLSHandshakeFirst starts TLS before the server's greeting.
	TLSHandshakeFirst bool
	// Auth holds the options for authentication.
	Auth []nats.Option
}

var (
	nameRegexp    = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	subjectRegexp = regexp.MustCompile(`^[^\s.*>\x00-\x20\x7f]+(\.[^\s.*>\x00-\x20\x7f]+)*$`)
)

// DefaultConsumer is the consumer of a subject for which none is named.
func DefaultConsumer(subject string) string { return strings.ReplaceAll(subject, ".", "__") }

func (c *Config) setDefaults() {
	if c.Stream == "" {
		c.Stream = DefaultStream
	}
	if c.Consumer == "" {
		c.Consumer = DefaultConsumer(c.Subject)
	}
	if c.Server.StoreDir == "" {
		c.Server.StoreDir = DefaultStoreDir
	}
	if c.AckWait <= 0 {
		c.AckWait = DefaultAckWait
	}
	if c.MaxAckPending <= 0 {
		c.MaxAckPending = DefaultMaxAckPending
	}
	if c.Prefetch <= 0 {
		c.Prefetch = DefaultPrefetch
	}
	if c.BackoffMin <= 0 {
		c.BackoffMin = DefaultBackoffMin
	}
	if c.BackoffMax <= 0 {
		c.BackoffMax = DefaultBackoffMax
	}
}

func validURL(raw string) bool {
	if !strings.Contains(raw, "://") {
		raw = "nats://" + raw
	}
	u, err := url.Parse(raw)
	return err == nil && u.Host != ""
}

// Validate names the field that is wrong and what was expected.
func (c Config) Validate() error {
	c.setDefaults()
	var errs []error
	for i, raw := range c.Server.URLs {
		for _, one := range strings.Split(raw, ",") {
			if !validURL(strings.TrimSpace(one)) {
				// The URL may hold a password.
				errs = append(errs, fmt.Errorf("field urls: item %d is no URL such as nats://localhost:4222", i))
			}
		}
	}
	if !nameRegexp.MatchString(c.Stream) {
		errs = append(errs, fmt.Errorf("field stream: %q is no stream name: letters, digits, - and _ were expected", c.Stream))
	}
	if !subjectRegexp.MatchString(c.Subject) {
		errs = append(errs, fmt.Errorf("field subject: %q is no subject: words separated by dots, without spaces and wildcards, were expected", c.Subject))
	}
	if !nameRegexp.MatchString(c.Consumer) {
		errs = append(errs, fmt.Errorf("field consumer: %q is no consumer name: letters, digits, - and _ were expected", c.Consumer))
	}
	if c.AckWait < time.Second {
		errs = append(errs, fmt.Errorf("field ack_wait: %s is too short: at least 1s was expected", c.AckWait))
	}
	if c.BackoffMax < c.BackoffMin {
		errs = append(errs, fmt.Errorf("field backoff: the longest delay, %s, is shorter than the shortest, %s", c.BackoffMax, c.BackoffMin))
	}
	if c.MaxAckPending < 2*c.Prefetch {
		errs = append(errs, fmt.Errorf("field max_ack_pending: %d is too small: at least twice prefetch, %d, was expected, since delayed retries count too", c.MaxAckPending, 2*c.Prefetch))
	}
	return errors.Join(errs...)
}
