package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// deadDuplicates is how long a dead letter that was published, but whose
// original could not be removed, is recognised when it is published again.
const deadDuplicates = 24 * time.Hour

func (c *Config) filter() string       { return c.Subject + ".>" }
func (c *Config) deadStream() string   { return c.Stream + "_dead" }
func (c *Config) deadSubjects() string { return "dead." + c.Stream + ".>" }

// provisionStream creates the stream, or adds the subject to it and sets the
// limits that were asked for. It never makes a change that could drop messages.
func provisionStream(ctx context.Context, js jetstream.JetStream, cfg *Config) (jetstream.Stream, error) {
	want := cfg.streamConfig()
	// Several processes start at once, and each changes what it has read.
	for range 10 {
		stream, err := js.Stream(ctx, cfg.Stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = js.CreateStream(ctx, want)
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("creating stream %s: %w", cfg.Stream, err)
			}
			return stream, nil
		}
		if err != nil {
			return nil, fmt.Errorf("looking up stream %s: %w", cfg.Stream, err)
		}
		have := stream.CachedInfo().Config
		if err := compatible(&have, cfg); err != nil {
			return nil, err
		}
		if cfg.Replicas == 0 {
			// The dead letters and the attempts are kept as often.
			cfg.Replicas = have.Replicas
		}
		update, changed := merged(have, cfg)
		if !changed {
			return stream, nil
		}
		if _, err := js.UpdateStream(ctx, update); err != nil {
			return nil, fmt.Errorf("updating stream %s: %w", cfg.Stream, err)
		}
	}
	return nil, fmt.Errorf("provisioning stream %s: others keep changing it", cfg.Stream)
}

// streamConfig is what the stream is created with.
func (c *Config) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                 c.Stream,
		Description:          "Work queue of ingest: one message an element",
		Subjects:             []string{c.filter()},
		Retention:            jetstream.WorkQueuePolicy,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    1,
		MaxMsgs:              unlimited(c.MaxMsgs),
		MaxBytes:             unlimited(c.MaxBytes),
		Storage:              c.Storage,
		Replicas:             max(c.Replicas, 1),
		AllowDirect:          true,
	}
}

func unlimited(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

// compatible names the settings of an existing stream that the delivery
// contract cannot live with. None of them is changed in place: the server
// refuses some (error 10052), and others would drop messages.
func compatible(have *jetstream.StreamConfig, cfg *Config) error {
	diffs := differences(have, cfg)
	if diffs == nil {
		return nil
	}
	return fmt.Errorf("stream %s exists with settings that could lose objects, and that are not changed in place: %w; "+
		"let its consumers finish and remove it (nats stream rm %s), or set field stream to another name",
		have.Name, diffs, have.Name)
}

func differences(have *jetstream.StreamConfig, cfg *Config) error {
	want := cfg.streamConfig()
	var diffs []error
	differ := func(setting string, have, want any) {
		if have != want {
			diffs = append(diffs, fmt.Errorf("%s is %v and must be %v", setting, have, want))
		}
	}
	differ("retention", have.Retention, want.Retention)
	differ("discard", have.Discard, want.Discard)
	differ("max_msgs_per_subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	differ("discard_new_per_subject", have.DiscardNewPerSubject, want.DiscardNewPerSubject)
	differ("max_age", have.MaxAge, want.MaxAge)
	return errors.Join(diffs...)
}

// merged returns the existing configuration with the subject and the limits of
// cfg in it, and whether that changes anything.
func merged(have jetstream.StreamConfig, cfg *Config) (jetstream.StreamConfig, bool) {
	changed := false
	if !slices.ContainsFunc(have.Subjects, func(s string) bool { return covers(s, cfg.filter()) }) {
		have.Subjects = slices.DeleteFunc(slices.Clone(have.Subjects), func(s string) bool { return covers(cfg.filter(), s) })
		have.Subjects = append(have.Subjects, cfg.filter())
		changed = true
	}
	set := func(have *int64, want int64) {
		if want > 0 && *have != want {
			*have = want
			changed = true
		}
	}
	set(&have.MaxMsgs, cfg.MaxMsgs)
	set(&have.MaxBytes, cfg.MaxBytes)
	replicas := int64(have.Replicas)
	set(&replicas, int64(cfg.Replicas))
	have.Replicas = int(replicas)
	return have, changed
}

// provisionDead creates the stream of dead letters. It keeps the last dead
// letter of each element.
func provisionDead(ctx context.Context, js jetstream.JetStream, cfg *Config) error {
	_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              cfg.deadStream(),
		Description:       "Dead letters of stream " + cfg.Stream,
		Subjects:          []string{cfg.deadSubjects()},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		Storage:           cfg.Storage,
		Replicas:          max(cfg.Replicas, 1),
		Duplicates:        deadDuplicates,
		AllowDirect:       true,
	})
	if err != nil {
		return fmt.Errorf("provisioning stream %s: %w", cfg.deadStream(), err)
	}
	return nil
}

// provisionConsumer creates or updates the consumer that all workers share.
func provisionConsumer(ctx context.Context, js jetstream.JetStream, cfg *Config) (jetstream.Consumer, error) {
	consumer, err := js.CreateOrUpdateConsumer(ctx, cfg.Stream, jetstream.ConsumerConfig{
		Durable:       cfg.Consumer,
		FilterSubject: cfg.filter(),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       cfg.AckWait,
		// The attempts are counted by us: a message that reaches the
		// server's limit stays, undelivered, and blocks its subject.
		MaxDeliver:    -1,
		MaxAckPending: cfg.MaxAckPending,
	})
	if err != nil {
		return nil, fmt.Errorf("provisioning consumer %s on stream %s: %w", cfg.Consumer, cfg.Stream, err)
	}
	return consumer, nil
}
