package queue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldURLs           = "urls"
	fieldStoreDir       = "store_dir"
	fieldSync           = "sync"
	fieldStream         = "stream"
	fieldSubject        = "subject"
	fieldConsumer       = "consumer"
	fieldReplicas       = "replicas"
	fieldMaxMsgs        = "max_msgs"
	fieldMaxBytes       = "max_bytes"
	fieldStorage        = "storage"
	fieldAckWait        = "ack_wait"
	fieldMaxAckPending  = "max_ack_pending"
	fieldPrefetch       = "prefetch"
	fieldMaxAttempts    = "max_attempts"
	fieldBackoff        = "backoff"
	fieldBackoffMin     = "min"
	fieldBackoffMax     = "max"
	fieldTLS            = "tls"
	fieldHandshakeFirst = "tls_handshake_first"
	fieldAuth           = "auth"
)

const nameLint = `root = if !this.re_match("^[A-Za-z0-9_-]*$") { [ "letters, digits, - and _ were expected" ] }`

const subjectLint = `root = if this.re_match("[\\s*>]") || this.re_match("(^|\\.)(\\.|$)") { [ "a subject of words separated by dots, without spaces and wildcards, was expected" ] }`

const durationLint = `root = if !this.re_match("^([0-9.]+(ns|us|µs|ms|s|m|h))+$") { [ "a duration such as 30s was expected" ] }`

// StreamFields returns the fields that say where the queue is, for components
// on either side of it.
func StreamFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldURLs).
			Description("The NATS servers. If empty, a JetStream server runs inside this process and keeps the queue in `store_dir`: one for each folder, shared by all components.").
			Default([]any{}).
			Example([]string{"nats://localhost:4222"}).
			Example([]string{"nats://nats-0:4222", "nats://nats-1:4222", "nats://nats-2:4222"}),
		service.NewStringField(fieldStoreDir).
			Description("The folder of the server inside this process. It is locked: a second process cannot use it.").
			Default(DefaultStoreDir),
		service.NewStringField(fieldStream).
			Description("The JetStream stream. It is created as a work queue if it does not exist; dead letters go to `<stream>_dead`.").
			Default(DefaultStream).
			LintRule(nameLint),
		service.NewStringField(fieldSubject).
			Description("The subject of the workflow. Elements are queued beneath it, as `<subject>.<SHA-256 of the ID in hexadecimal>`, at most one message an element.").
			Example("ingest.foo_1-bar_1").
			LintRule(subjectLint),
		service.NewIntField(fieldReplicas).
			Description("The number of servers in a cluster that keep the stream. If 0, a new stream has one, and an existing one is left as it is.").
			Default(0).Advanced().
			LintRule(`root = if this < 0 || this > 5 { [ "a number from 0 to 5 was expected" ] }`),
		service.NewIntField(fieldMaxMsgs).
			Description("The number of messages at which the stream is full and publishing waits. If 0, a new stream has no limit, and an existing one is left as it is.").
			Default(0).Advanced(),
		service.NewIntField(fieldMaxBytes).
			Description("The size in bytes at which the stream is full and publishing waits. If 0, a new stream has no limit, and an existing one is left as it is.").
			Default(0).Advanced(),
		service.NewStringAnnotatedEnumField(fieldStorage, map[string]string{
			"file":   "Messages survive a restart of the server.",
			"memory": "Messages are lost when the server stops; the next scan queues them again.",
		}).
			Description("Where the server keeps a new stream.").
			Default("file").Advanced(),
		service.NewStringAnnotatedEnumField(fieldSync, map[string]string{
			"interval": "Every two minutes. A killed process loses nothing; a power cut can lose what was queued last, and the next scan queues it again.",
			"always":   "With every write, at a tenth of the speed.",
		}).
			Description("When the server inside this process syncs the queue to disk.").
			Default("interval").Advanced(),
	}
}

// ConsumerFields returns the fields of components that take from the queue.
func ConsumerFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldConsumer).
			Description("The durable consumer, which all workers of the workflow share. If empty, the subject with its dots replaced by two underscores.").
			Default("").
			LintRule(nameLint),
		service.NewIntField(fieldPrefetch).
			Description("How many messages are fetched ahead.").
			Default(DefaultPrefetch).
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
		service.NewIntField(fieldMaxAttempts).
			Description("The number of failed attempts after which a message becomes a dead letter; 0 means never. Outages and restarts are no failed attempts.").
			Default(DefaultMaxAttempts).
			LintRule(`root = if this < 0 { [ "0 or more was expected" ] }`),
		service.NewObjectField(fieldBackoff,
			service.NewDurationField(fieldBackoffMin).
				Description("The delay after the first failed attempt; it doubles with every further one. Also the first pause in an outage.").
				Default(DefaultBackoffMin.String()).LintRule(durationLint),
			service.NewDurationField(fieldBackoffMax).
				Description("The longest delay, and the longest pause in an outage.").
				Default(DefaultBackoffMax.String()).LintRule(durationLint),
		).Description("How long a failed message waits for its next attempt.").Advanced(),
		service.NewDurationField(fieldAckWait).
			Description("How long the server waits for a sign of life before another worker gets the message. One is sent three times in this period, for as long as the work takes.").
			Default(DefaultAckWait.String()).LintRule(durationLint).Advanced(),
		service.NewIntField(fieldMaxAckPending).
			Description("How many messages may be held or wait for their next attempt, over all workers. Beyond it nothing is handed out, so it must be far above the parallelism.").
			Default(DefaultMaxAckPending).Advanced(),
	}
}

// ConnectionFields returns the fields for TLS and authentication.
func ConnectionFields() []*service.ConfigField {
	secret := func(name, description string) *service.ConfigField {
		return service.NewStringField(name).Description(description).Default("").Secret()
	}
	plain := func(name, description string) *service.ConfigField {
		return service.NewStringField(name).Description(description).Default("")
	}
	return []*service.ConfigField{
		service.NewTLSToggledField(fieldTLS),
		service.NewBoolField(fieldHandshakeFirst).
			Description("Start TLS before the server's greeting.").
			Default(false).Advanced(),
		service.NewObjectField(fieldAuth,
			plain("user", "The user name, given along with the password."),
			secret("password", "The password, given along with the user name."),
			secret("token", "A token."),
			plain("nkey_file", "A file that holds an NKey seed."),
			secret("nkey", "An NKey seed."),
			plain("user_credentials_file", "A file that holds a user JWT and its NKey seed."),
			secret("user_jwt", "A user JWT, given along with `user_nkey_seed`."),
			secret("user_nkey_seed", "The NKey seed of `user_jwt`."),
		).Description("At most one way of authentication.").Advanced(),
	}
}

// ConfigFromParsed reads the fields of StreamFields, ConnectionFields and, if
// they are in the spec, ConsumerFields.
func ConfigFromParsed(conf *service.ParsedConfig, res *service.Resources) (cfg Config, err error) {
	if cfg.Server, err = serverFromParsed(conf, res); err != nil {
		return cfg, err
	}
	var maxMsgs, maxBytes int
	var storage string
	err = errors.Join(
		read(conf.FieldString, &cfg.Stream, fieldStream),
		read(conf.FieldString, &cfg.Subject, fieldSubject),
		read(conf.FieldInt, &cfg.Replicas, fieldReplicas),
		read(conf.FieldInt, &maxMsgs, fieldMaxMsgs),
		read(conf.FieldInt, &maxBytes, fieldMaxBytes),
		read(conf.FieldString, &storage, fieldStorage),
	)
	if err != nil {
		return cfg, err
	}
	cfg.MaxMsgs, cfg.MaxBytes = int64(maxMsgs), int64(maxBytes)
	if storage == "memory" {
		cfg.Storage = jetstream.MemoryStorage
	}
	if conf.Contains(fieldConsumer) {
		err = errors.Join(
			read(conf.FieldString, &cfg.Consumer, fieldConsumer),
			read(conf.FieldInt, &cfg.Prefetch, fieldPrefetch),
			read(conf.FieldInt, &cfg.MaxAttempts, fieldMaxAttempts),
			read(conf.FieldInt, &cfg.MaxAckPending, fieldMaxAckPending),
			read(conf.FieldDuration, &cfg.AckWait, fieldAckWait),
			read(conf.FieldDuration, &cfg.BackoffMin, fieldBackoff, fieldBackoffMin),
			read(conf.FieldDuration, &cfg.BackoffMax, fieldBackoff, fieldBackoffMax),
		)
		if err != nil {
			return cfg, err
		}
	}
	return cfg, cfg.Validate()
}

func read[T any](get func(...string) (T, error), into *T, path ...string) error {
	v, err := get(path...)
	if err == nil {
		*into = v
	}
	return err
}

func serverFromParsed(conf *service.ParsedConfig, res *service.Resources) (s Server, err error) {
	var sync string
	err = errors.Join(
		read(conf.FieldStringList, &s.URLs, fieldURLs),
		read(conf.FieldString, &s.StoreDir, fieldStoreDir),
		read(conf.FieldString, &sync, fieldSync),
		read(conf.FieldBool, &s.TLSHandshakeFirst, fieldHandshakeFirst),
	)
	if err != nil {
		return s, err
	}
	s.SyncAlways = sync == "always"
	s.Name = "ingest"
	if label := res.Label(); label != "" {
		s.Name += " " + label
	}
	tlsConf, enabled, err := conf.FieldTLSToggled(fieldTLS)
	if err != nil {
		return s, err
	}
	if enabled {
		s.TLS = tlsConf
	}
	s.Auth, err = authFromParsed(conf.Namespace(fieldAuth))
	return s, err
}

// authFromParsed returns the option for the one way of authentication that is
// configured.
func authFromParsed(conf *service.ParsedConfig) ([]nats.Option, error) {
	var user, password, token, nkeyFile, nkey, credentials, jwt, seed string
	err := errors.Join(
		read(conf.FieldString, &user, "user"),
		read(conf.FieldString, &password, "password"),
		read(conf.FieldString, &token, "token"),
		read(conf.FieldString, &nkeyFile, "nkey_file"),
		read(conf.FieldString, &nkey, "nkey"),
		read(conf.FieldString, &credentials, "user_credentials_file"),
		read(conf.FieldString, &jwt, "user_jwt"),
		read(conf.FieldString, &seed, "user_nkey_seed"),
	)
	if err != nil {
		return nil, err
	}
	if (jwt == "") != (seed == "") {
		return nil, errors.New("field auth: user_jwt and user_nkey_seed are given together or not at all")
	}
	var ways []string
	var opts []nats.Option
	way := func(name string, opt nats.Option) {
		ways = append(ways, name)
		opts = append(opts, opt)
	}
	if user != "" || password != "" {
		way("user and password", nats.UserInfo(user, password))
	}
	if token != "" {
		way("token", nats.Token(token))
	}
	if nkeyFile != "" {
		opt, err := nats.NkeyOptionFromSeed(nkeyFile)
		if err != nil {
			return nil, fmt.Errorf("field auth.nkey_file: %w", err)
		}
		way("nkey_file", opt)
	}
	if nkey != "" {
		opt, err := nkeyOption(nkey)
		if err != nil {
			return nil, fmt.Errorf("field auth.nkey: %w", err)
		}
		way("nkey", opt)
	}
	if credentials != "" {
		way("user_credentials_file", nats.UserCredentials(credentials))
	}
	if jwt != "" {
		way("user_jwt", nats.UserJWTAndSeed(jwt, seed))
	}
	if len(ways) > 1 {
		return nil, fmt.Errorf("field auth: at most one way of authentication was expected, not %s", strings.Join(ways, " and "))
	}
	return opts, nil
}

func nkeyOption(seed string) (nats.Option, error) {
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(seed)))
	if err != nil {
		return nil, errors.New("no NKey seed")
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, errors.New("no NKey seed of a user")
	}
	return nats.Nkey(public, pair.Sign), nil
}
