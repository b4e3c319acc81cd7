package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// attemptsTTL is how long the count of failed attempts outlives the last one.
const attemptsTTL = 7 * 24 * time.Hour

// attempts counts the failed attempts of messages, by their identity, for all
// workers.
type attempts struct {
	bucket string
	kv     jetstream.KeyValue
	// stream lies beneath the bucket. Only it can remove a key without
	// leaving a mark in its place.
	stream jetstream.Stream
}

func newAttempts(cfg *Config) *attempts { return &attempts{bucket: cfg.Stream + "_attempts"} }

// provisionAttempts creates the bucket.
func provisionAttempts(ctx context.Context, js jetstream.JetStream, cfg *Config) (*attempts, error) {
	a := newAttempts(cfg)
	var err error
	a.kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      a.bucket,
		Description: "Failed attempts a message of stream " + cfg.Stream,
		TTL:         attemptsTTL,
		Storage:     cfg.Storage,
		Replicas:    max(cfg.Replicas, 1),
	})
	if err == nil {
		a.stream, err = js.Stream(ctx, "KV_"+a.bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("provisioning the attempts of stream %s: %w", cfg.Stream, err)
	}
	return a, nil
}

// lookUpAttempts returns the bucket, or nil where there is none yet.
func lookUpAttempts(ctx context.Context, js jetstream.JetStream, cfg *Config) (*attempts, error) {
	a := newAttempts(cfg)
	var err error
	if a.kv, err = js.KeyValue(ctx, a.bucket); err == nil {
		a.stream, err = js.Stream(ctx, "KV_"+a.bucket)
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up the attempts of stream %s: %w", cfg.Stream, err)
	}
	return a, nil
}

// get returns the number of failed attempts so far.
func (a *attempts) get(ctx context.Context, message string) (int, error) {
	entry, err := a.kv.Get(ctx, message)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	n := 0
	if err == nil {
		n, err = strconv.Atoi(string(entry.Value()))
	}
	if err != nil {
		return 0, fmt.Errorf("looking up failed attempts: %w", err)
	}
	return n, nil
}

func (a *attempts) set(ctx context.Context, message string, failed int) error {
	if _, err := a.kv.Put(ctx, message, []byte(strconv.Itoa(failed))); err != nil {
		return fmt.Errorf("counting failed attempts: %w", err)
	}
	return nil
}

// forget removes the count. What it cannot remove expires.
func (a *attempts) forget(ctx context.Context, message string) {
	_ = a.stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+a.bucket+"."+message))
}

// sweep removes the counts of messages that the stream no longer holds.
func (a *attempts) sweep(ctx context.Context, stream jetstream.Stream) error {
	keys, err := a.kv.ListKeys(ctx)
	if err != nil {
		return fmt.Errorf("listing failed attempts: %w", err)
	}
	defer keys.Stop() //nolint:errcheck // it is over
	for message := range keys.Keys() {
		var sequence uint64
		var stored int64
		if _, err := fmt.Sscanf(message, "%d-%d", &sequence, &stored); err != nil {
			continue
		}
		msg, err := stream.GetMsg(ctx, sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("looking up the message of failed attempts: %w", err)
		}
		if err != nil || identity(sequence, msg.Time) != message {
			a.forget(ctx, message)
		}
	}
	return nil
}
