package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ingest-bundle/ingest"
)

// The headers that a dead letter has beside those of its message.
const (
	headerDeadError    = "Ingest-Dead-Error"
	headerDeadAttempts = "Ingest-Dead-Attempts"
	headerDeadSubject  = "Ingest-Dead-Subject"
	headerDeadAt       = "Ingest-Dead-At"
)

// maxErrorText bounds the error in a dead letter, in bytes: it travels in a
// header, and errors of servers can be whole pages.
const maxErrorText = 4 << 10

// deadBase is what the dead letters of the workflow are beneath.
func (c *Config) deadBase() string   { return "dead." + c.Stream + "." + c.Subject }
func (c *Config) deadFilter() string { return c.deadBase() + ".>" }

// DeadLetter is a message that was given up.
type DeadLetter struct {
	// Sequence is its number in the stream of dead letters.
	Sequence uint64 `json:"sequence"`
	// Subject is what the message was queued under.
	Subject string `json:"subject"`
	// ID and Name are those of the element, and empty where the message is none.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Data is the message, byte for byte.
	Data []byte `json:"data"`
	// Error is why it was given up.
	Error string `json:"error"`
	// Attempts is how often it failed.
	Attempts int `json:"attempts"`
	// At is when it was given up.
	At time.Time `json:"at"`
	// Headers are those that the message was published with.
	Headers nats.Header `json:"headers,omitempty"`
}

// bury publishes the delivery to the dead letters, and removes it from the
// queue once that is stored. A crash in between leads to the same publish
// again, which the message ID makes harmless.
func (q *Queue) bury(ctx context.Context, d *Delivery, attempts int, cause error) error {
	header := published(d.msg.Headers())
	maps.Copy(header, natsHeader(map[string]string{
		headerDeadError:    oneLine(cause.Error()),
		headerDeadAttempts: strconv.Itoa(attempts),
		headerDeadSubject:  d.msg.Subject(),
		headerDeadAt:       time.Now().UTC().Format(time.RFC3339Nano),
	}))
	id := q.cfg.Stream + ":" + d.identity()
	msg := &nats.Msg{Subject: q.deadSubject(d), Data: d.msg.Data(), Header: header}
	_, err := q.conn.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id))
	if errors.Is(err, nats.ErrMaxPayload) {
		// The message alone fills what a server takes: the reason gives way.
		msg.Header = natsHeader(map[string]string{headerDeadError: "too large", headerDeadSubject: d.msg.Subject()})
		_, err = q.conn.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id))
	}
	if err != nil {
		return fmt.Errorf("publishing dead letter: %w", err)
	}
	// Only a confirmed termination frees the element's subject for sure.
	if _, err := q.conn.nc.RequestWithContext(ctx, d.msg.Reply(), []byte("+TERM dead letter")); err != nil {
		return fmt.Errorf("terminating the message of a dead letter: %w", err)
	}
	q.log.Errorf("element %s is given up after %s: %v", elementName(d), english.Plural(attempts, "failed attempt", ""), cause)
	return nil
}

func elementName(d *Delivery) string {
	if id, _ := elementOf(d.msg.Data()); id != "" {
		return strconv.Quote(id)
	}
	return d.name()
}

// elementOf returns nothing for what is no element.
func elementOf(data []byte) (id, name string) {
	var codec ingest.Codec
	_ = codec.Unmarshal(data)
	return codec.ID, codec.Name
}

// deadSubject is one subject an element, so that an element that fails in every
// scan has one dead letter. What is no element gets a subject of its own.
func (q *Queue) deadSubject(d *Delivery) string {
	base := q.cfg.deadBase()
	if id, _ := elementOf(d.msg.Data()); id != "" {
		return elementSubject(base, id)
	}
	return base + ".sequence-" + strconv.FormatUint(d.Sequence(), 10)
}

func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }), " ")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// DeadLetters calls f for every dead letter of the workflow, oldest first, until f
// fails. No dead letters, or no stream of them, is no error.
func (q *Queue) DeadLetters(ctx context.Context, f func(*DeadLetter) error) (err error) {
	defer func() { err = q.conn.explain(err) }()
	stream, err := q.conn.js.Stream(ctx, q.cfg.deadStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking up stream %s: %w", q.cfg.deadStream(), err)
	}
	// What is requeued while this runs, and fails again, is not seen twice.
	return eachMessage(ctx, stream, q.cfg.deadFilter(), func(msg *jetstream.RawStreamMsg) error { return f(deadLetter(msg)) })
}

// DeadLetter returns the dead letter of the element, or ErrNotFound.
func (q *Queue) DeadLetter(ctx context.Context, id string) (*DeadLetter, error) {
	return q.findDead(ctx, func(s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return s.GetLastMsgForSubject(ctx, elementSubject(q.cfg.deadBase(), id))
	})
}

// DeadLetterAt returns the dead letter with the number, or ErrNotFound: what is no
// element has no ID.
func (q *Queue) DeadLetterAt(ctx context.Context, sequence uint64) (*DeadLetter, error) {
	return q.findDead(ctx, func(s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		msg, err := s.GetMsg(ctx, sequence)
		if err == nil && !covers(q.cfg.deadFilter(), msg.Subject) {
			return nil, jetstream.ErrMsgNotFound
		}
		return msg, err
	})
}

func (q *Queue) findDead(ctx context.Context, get func(jetstream.Stream) (*jetstream.RawStreamMsg, error)) (*DeadLetter, error) {
	stream, err := q.conn.js.Stream(ctx, q.cfg.deadStream())
	if err == nil {
		var msg *jetstream.RawStreamMsg
		if msg, err = get(stream); err == nil {
			return deadLetter(msg), nil
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrNotFound
	}
	return nil, fmt.Errorf("reading stream %s: %w", q.cfg.deadStream(), q.conn.explain(err))
}

func deadLetter(msg *jetstream.RawStreamMsg) *DeadLetter {
	dl := &DeadLetter{
		Sequence: msg.Sequence,
		Subject:  msg.Header.Get(headerDeadSubject),
		Data:     msg.Data,
		Error:    msg.Header.Get(headerDeadError),
		Headers:  published(msg.Header),
	}
	dl.ID, dl.Name = elementOf(msg.Data)
	dl.Attempts, _ = strconv.Atoi(msg.Header.Get(headerDeadAttempts))
	dl.At, _ = time.Parse(time.RFC3339Nano, msg.Header.Get(headerDeadAt))
	return dl
}

// Requeue puts a dead letter back into the queue, with a fresh count of
// attempts, and removes it from the dead letters once it is stored. An element
// that is queued again already is only removed.
func (q *Queue) Requeue(ctx context.Context, dl *DeadLetter) error {
	if err := q.publish(ctx, dl.Subject, dl.Data, dl.Headers); err != nil && !errors.Is(err, ingest.ErrAlreadyQueued) {
		return err
	}
	stream, err := q.conn.js.Stream(ctx, q.cfg.deadStream())
	if err != nil {
		return fmt.Errorf("looking up stream %s: %w", q.cfg.deadStream(), err)
	}
	if err := stream.DeleteMsg(ctx, dl.Sequence); err != nil && !isRemoved(err) {
		return fmt.Errorf("removing dead letter %d: %w", dl.Sequence, err)
	}
	return nil
}

// isRemoved reports whether a message could not be deleted because it is gone. Of
// the server's answer the client keeps only the text.
func isRemoved(err error) bool {
	return errors.Is(err, jetstream.ErrMsgNotFound) ||
		(errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && strings.Contains(err.Error(), "no message found"))
}
