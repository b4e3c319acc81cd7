package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamInfo describes a stream that holds the queues of one or more workflows.
type StreamInfo struct {
	Name     string    `json:"name"`
	Subjects []string  `json:"subjects"`
	Created  time.Time `json:"created"`
	Storage  string    `json:"storage"`
	Replicas int       `json:"replicas"`
	// MaxMsgs and MaxBytes are -1 where there is no limit.
	MaxMsgs  int64 `json:"max_msgs"`
	MaxBytes int64 `json:"max_bytes"`

	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	// Oldest is when the oldest message was queued; nil without messages.
	Oldest      *time.Time `json:"oldest,omitempty"`
	DeadLetters uint64     `json:"dead_letters"`

	Consumers []ConsumerInfo `json:"consumers"`
	// Warnings name what could lose objects or stop the work.
	Warnings []string `json:"warnings,omitempty"`
}

// ConsumerInfo describes the consumer that all workers of a workflow share.
type ConsumerInfo struct {
	Name          string        `json:"name"`
	Subject       string        `json:"subject"`
	AckWait       time.Duration `json:"ack_wait"`
	MaxAckPending int           `json:"max_ack_pending"`
	MaxDeliver    int           `json:"max_deliver"`
	// Pending messages were never handed out.
	Pending uint64 `json:"pending"`
	// InFlight messages are held by a worker, or wait for their next attempt.
	InFlight int `json:"in_flight"`
	// Redelivered messages are those in flight that were handed out before.
	Redelivered int `json:"redelivered"`
	// Pulls is the number of pulls that wait for messages: of idle workers.
	Pulls int `json:"pulls"`

	// delivered is the last message of the stream that was handed out.
	delivered uint64
}

// Info describes the queue of one workflow.
type Info struct {
	Subject     string     `json:"subject"`
	Messages    uint64     `json:"messages"`
	Oldest      *time.Time `json:"oldest,omitempty"`
	DeadLetters uint64     `json:"dead_letters"`
	// Consumer is nil where none exists.
	Consumer *ConsumerInfo `json:"consumer"`
	Stream   StreamInfo    `json:"stream"`
	Warnings []string      `json:"warnings,omitempty"`

	// lastMessage and lastDead are the last messages of the two streams.
	lastMessage, lastDead uint64
}

// List describes every stream of the server that holds queues, by name. It
// provisions nothing; an embedded server without a folder is ErrNotFound.
func List(ctx context.Context, server Server) (_ []StreamInfo, err error) {
	if err := exists(server); err != nil {
		return nil, err
	}
	conn, err := connect(ctx, server, nil)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	defer func() { err = conn.explain(err) }()
	messages := map[string]uint64{}
	var queues []*jetstream.StreamInfo
	lister := conn.js.ListStreams(ctx)
	for info := range lister.Info() {
		messages[info.Config.Name] = info.State.Msgs
		// What else is wrong with it is worth a warning.
		if info.Config.Retention == jetstream.WorkQueuePolicy && info.Config.MaxMsgsPerSubject == 1 {
			queues = append(queues, info)
		}
	}
	if err := lister.Err(); err != nil {
		return nil, fmt.Errorf("listing streams: %w", err)
	}
	all := make([]StreamInfo, 0, len(queues))
	for _, info := range queues {
		s, err := streamInfo(ctx, conn.js, info)
		if err != nil {
			return nil, err
		}
		cfg := Config{Stream: s.Name}
		s.DeadLetters = messages[cfg.deadStream()]
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// streamInfo describes a stream, without its dead letters.
func streamInfo(ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo) (s StreamInfo, err error) {
	s = StreamInfo{
		Name:     info.Config.Name,
		Subjects: info.Config.Subjects,
		Created:  info.Created,
		Storage:  strings.ToLower(info.Config.Storage.String()),
		Replicas: info.Config.Replicas,
		MaxMsgs:  unlimited(info.Config.MaxMsgs),
		MaxBytes: unlimited(info.Config.MaxBytes),
		Messages: info.State.Msgs,
		Bytes:    info.State.Bytes,
	}
	if s.Messages > 0 {
		s.Oldest = &info.State.FirstTime
	}
	if diffs := differences(&info.Config, &Config{}); diffs != nil {
		s.Warnings = append(s.Warnings, fmt.Sprintf("stream %s could lose objects: %s", s.Name, strings.ReplaceAll(diffs.Error(), "\n", "; ")))
	}
	if info.Config.Storage == jetstream.MemoryStorage {
		s.Warnings = append(s.Warnings, fmt.Sprintf("stream %s is in memory: its messages are lost when the server stops", s.Name))
	}
	if (s.MaxMsgs > 0 && s.Messages >= uint64(s.MaxMsgs)) || (s.MaxBytes > 0 && s.Bytes >= uint64(s.MaxBytes)) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("stream %s is full: scans wait for it to be worked off", s.Name))
	}
	stream, err := js.Stream(ctx, s.Name)
	if err != nil {
		return s, fmt.Errorf("looking up stream %s: %w", s.Name, err)
	}
	consumers := stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		consumer := consumerInfo(c)
		s.Consumers = append(s.Consumers, consumer)
		s.Warnings = append(s.Warnings, consumer.warnings()...)
	}
	if err := consumers.Err(); err != nil {
		return s, fmt.Errorf("listing consumers of stream %s: %w", s.Name, err)
	}
	slices.SortFunc(s.Consumers, func(a, b ConsumerInfo) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// consumerOf returns the consumer of a workflow, or nil. A work queue has one at most.
func (s StreamInfo) consumerOf(subject string) *ConsumerInfo {
	i := slices.IndexFunc(s.Consumers, func(c ConsumerInfo) bool { return c.Subject == subject })
	if i < 0 {
		return nil
	}
	return &s.Consumers[i]
}

func consumerInfo(c *jetstream.ConsumerInfo) ConsumerInfo {
	subjects := c.Config.FilterSubjects
	if c.Config.FilterSubject != "" {
		subjects = append(subjects, c.Config.FilterSubject)
	}
	return ConsumerInfo{
		Name:          c.Name,
		Subject:       strings.TrimSuffix(strings.Join(subjects, ", "), ".>"),
		AckWait:       c.Config.AckWait,
		MaxAckPending: c.Config.MaxAckPending,
		MaxDeliver:    c.Config.MaxDeliver,
		Pending:       c.NumPending,
		InFlight:      c.NumAckPending,
		Redelivered:   c.NumRedelivered,
		Pulls:         c.NumWaiting,
		delivered:     c.Delivered.Stream,
	}
}

func (c ConsumerInfo) warnings() (all []string) {
	if c.MaxDeliver > 0 {
		all = append(all, fmt.Sprintf("consumer %s: max_deliver is %d and must be -1: a message that reaches it stays in the queue and is never handed out again", c.Name, c.MaxDeliver))
	}
	if c.MaxAckPending > 0 && c.InFlight >= c.MaxAckPending {
		all = append(all, fmt.Sprintf("consumer %s: max_ack_pending (%d) is reached: nothing more is handed out until messages in flight are done", c.Name, c.MaxAckPending))
	}
	return all
}

// settleDown is how long the server may take to tell a consumer what came into its
// stream, or what left it.
const settleDown = 300 * time.Millisecond

// Info describes the queue. It fails with ErrNotFound if the stream is gone.
func (q *Queue) Info(ctx context.Context) (_ *Info, err error) {
	defer func() { err = q.conn.explain(err) }()
	info, err := q.look(ctx)
	if err != nil || info.unhandled() == 0 {
		return info, err
	}
	// What is told of the stream and of the consumer is of two moments: only
	// what stays as it is counts.
	select {
	case <-time.After(settleDown):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	again, err := q.look(ctx)
	if err == nil && again.unhandled() == info.unhandled() && again.Messages == info.Messages {
		again.Warnings = append(again.Warnings, fmt.Sprintf("%d messages are neither pending nor in flight: they are not handed out", again.unhandled()))
	}
	return again, err
}

// unhandled counts the messages that the consumer does not know of.
func (i *Info) unhandled() uint64 {
	if i.Consumer == nil {
		return 0
	}
	handled := i.Consumer.Pending + uint64(i.Consumer.InFlight)
	return i.Messages - min(i.Messages, handled)
}

func (q *Queue) look(ctx context.Context) (*Info, error) {
	stream, err := q.stream(ctx)
	if err != nil {
		return nil, err
	}
	info := &Info{Subject: q.cfg.Subject, lastMessage: stream.CachedInfo().State.LastSeq}
	if info.Stream, err = streamInfo(ctx, q.conn.js, stream.CachedInfo()); err != nil {
		return nil, err
	}
	info.Consumer = info.Stream.consumerOf(q.cfg.Subject)
	if info.Messages, err = countMessages(ctx, stream, q.cfg.filter()); err != nil {
		return nil, err
	}
	oldest, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(q.cfg.filter()))
	if err == nil {
		info.Oldest = &oldest.Time
	} else if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("reading stream %s: %w", q.cfg.Stream, err)
	}
	dead, err := q.conn.js.Stream(ctx, q.cfg.deadStream())
	if err == nil {
		info.Stream.DeadLetters = dead.CachedInfo().State.Msgs
		info.lastDead = dead.CachedInfo().State.LastSeq
		info.DeadLetters, err = countMessages(ctx, dead, q.cfg.deadFilter())
	} else if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up stream %s: %w", q.cfg.deadStream(), err)
	}
	info.Warnings = slices.Concat(info.Stream.Warnings, q.consumerWarnings(info))
	return info, nil
}

// consumerWarnings compares the consumer with what the configuration says.
func (q *Queue) consumerWarnings(info *Info) (all []string) {
	c := info.Consumer
	if c == nil {
		return []string{"there is no consumer: nobody takes from the queue; running the pipeline that does, or `ingest queue create`, makes it"}
	}
	if c.Name != q.cfg.Consumer {
		all = append(all, fmt.Sprintf("the consumer is %s, not %s as configured", c.Name, q.cfg.Consumer))
	}
	return all
}

// countMessages counts the messages of a stream that match the filter.
func countMessages(ctx context.Context, stream jetstream.Stream, filter string) (n uint64, err error) {
	// The server names every subject in its answer, one for each element:
	// that is spared where there is nothing else in the stream.
	info := stream.CachedInfo()
	if len(info.Config.Subjects) == 1 && covers(filter, info.Config.Subjects[0]) {
		return info.State.Msgs, nil
	}
	if info, err = stream.Info(ctx, jetstream.WithSubjectFilter(filter)); err != nil {
		return 0, fmt.Errorf("counting the messages of stream %s: %w", stream.CachedInfo().Config.Name, err)
	}
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n, nil
}
