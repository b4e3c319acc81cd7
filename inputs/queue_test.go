package inputs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newQueueInput returns a connected input, its queue, and a client of its server.
func newQueueInput(t *testing.T) (*queueInput, *queue.Queue, *nats.Conn) {
	t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	require.NoError(t, err)
	go srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(patience))

	conf, err := queueSpec().ParseYAML(fmt.Sprintf("urls: [ %s ]\nsubject: ingest.wf\nmax_attempts: 2\nbackoff: { min: 10ms, max: 20ms }", srv.ClientURL()), service.NewEmptyEnvironment())
	require.NoError(t, err)
	cfg, err := queue.ConfigFromParsed(conf, service.MockResources())
	require.NoError(t, err)
	in := NewQueue(cfg, service.MockResources()).(*queueInput)
	require.NoError(t, in.Connect(testContext(t)))
	q, err := queue.Open(testContext(t), cfg, nil)
	require.NoError(t, err)
	nc, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	t.Cleanup(func() {
		nc.Close()
		assert.NoError(t, in.Close(context.Background()))
		assert.NoError(t, q.Close())
	})
	return in, q, nc
}

func deadLetters(t *testing.T, q *queue.Queue) (errs []string) {
	t.Helper()
	require.NoError(t, q.DeadLetters(testContext(t), func(d *queue.DeadLetter) error {
		errs = append(errs, d.Error)
		return nil
	}))
	return errs
}

func pending(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s, err := js.Stream(testContext(t), "ingest")
	require.NoError(t, err)
	return s.CachedInfo().State.Msgs
}

func TestQueueInputMessage(t *testing.T) {
	in, q, nc := newQueueInput(t)
	require.NoError(t, q.Publish(testContext(t), ingest.NewCodec("a", "n", nil), map[string]string{"Ingest-Size": "5", "Other": "x"}))
	msg, ack, err := in.Read(testContext(t))
	require.NoError(t, err)
	for key, want := range map[string]string{
		ingest.MetaID: "a", ingest.MetaName: "n", ingest.MetaSize: "5", ingest.MetaDeliveries: "1", ingest.MetaAttempt: "1",
	} {
		got, _ := msg.MetaGet(key)
		assert.Equal(t, want, got, key)
	}
	_, ok := msg.MetaGet("Other")
	assert.False(t, ok)
	require.NoError(t, msg.Context().Err())
	require.NoError(t, ack(testContext(t), nil))
	require.NoError(t, ack(testContext(t), errors.New("late")), "the engine may call it again")
	assert.Zero(t, pending(t, nc))
	require.Error(t, msg.Context().Err())
}

func TestQueueInputNacks(t *testing.T) {
	in, q, nc := newQueueInput(t)
	require.NoError(t, q.Publish(testContext(t), ingest.NewCodec("a", "n", nil), nil))
	for n := 1; n <= 2; n++ {
		msg, ack, err := in.Read(testContext(t))
		require.NoError(t, err)
		attempt, _ := msg.MetaGet(ingest.MetaAttempt)
		assert.Equal(t, fmt.Sprint(n), attempt)
		require.NoError(t, ack(testContext(t), fmt.Errorf("failure %d", n)))
	}
	assert.Equal(t, []string{"failure 2"}, deadLetters(t, q))
	assert.Zero(t, pending(t, nc))
}

func TestQueueInputAcksEachMessageByItself(t *testing.T) {
	in, q, nc := newQueueInput(t)
	acks := map[string]service.AckFunc{}
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, q.Publish(testContext(t), ingest.NewCodec(id, id, nil), nil))
	}
	for range 3 {
		msg, ack, err := in.Read(testContext(t))
		require.NoError(t, err)
		id, _ := msg.MetaGet(ingest.MetaID)
		acks[id] = ack
	}
	require.NoError(t, acks["b"](testContext(t), nil))
	require.NoError(t, acks["c"](testContext(t), ingest.Permanent(errors.New("no c"))))
	assert.EqualValues(t, 1, pending(t, nc))
	assert.Equal(t, []string{"no c"}, deadLetters(t, q))
	require.NoError(t, acks["a"](testContext(t), nil))
	assert.Zero(t, pending(t, nc))
}

func TestQueueInputBuriesGarbage(t *testing.T) {
	in, q, nc := newQueueInput(t)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for subject, data := range map[string]string{"ingest.wf.1": "garbage", "ingest.wf.2": `{"id":"a"}`, "ingest.wf.3": ""} {
		_, err := js.Publish(testContext(t), subject, []byte(data))
		require.NoError(t, err)
	}
	require.NoError(t, q.Publish(testContext(t), ingest.NewCodec("good", "n", nil), nil))
	msg, ack, err := in.Read(testContext(t))
	require.NoError(t, err)
	id, _ := msg.MetaGet(ingest.MetaID)
	assert.Equal(t, "good", id, "nothing else enters a pipeline")
	require.NoError(t, ack(testContext(t), nil))
	assert.Len(t, deadLetters(t, q), 3)
	assert.Zero(t, pending(t, nc))
}

func TestQueueInputGivesBackAtTheEnd(t *testing.T) {
	in, q, _ := newQueueInput(t)
	require.NoError(t, q.Publish(testContext(t), ingest.NewCodec("a", "n", nil), nil))
	msg, _, err := in.Read(testContext(t))
	require.NoError(t, err)
	require.NoError(t, in.Close(testContext(t)))
	require.Error(t, msg.Context().Err(), "the worker may act on it no more")
	_, _, err = in.Read(testContext(t))
	require.ErrorIs(t, err, service.ErrNotConnected)

	require.NoError(t, in.Connect(testContext(t)))
	msg, ack, err := in.Read(testContext(t))
	require.NoError(t, err)
	attempt, _ := msg.MetaGet(ingest.MetaAttempt)
	assert.Equal(t, "1", attempt, "a stop is no failed attempt")
	require.NoError(t, ack(testContext(t), nil))
}

func TestQueueInputLint(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for name, tc := range map[string]struct{ more, says string }{
		"defaults":       {"", ""},
		"no prefetch":    {"prefetch: 0", "at least 1"},
		"attempts":       {"max_attempts: -1", "0 or more"},
		"consumer":       {"consumer: a.b", "letters, digits"},
		"ack_wait":       {"ack_wait: soon", "a duration such as"},
		"backoff":        {"backoff: { min: 1 }", "a duration such as"},
		"unknown":        {"durable: x", "durable"},
		"every duration": {"ack_wait: 1m30s\n  backoff: { min: 500ms, max: 1.5h }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			lints, err := linter.LintInputYAML([]byte("ingest_queue:\n  subject: ingest.wf\n  " + tc.more + "\n"))
			require.NoError(t, err)
			if tc.says == "" {
				assert.Empty(t, lints)
				return
			}
			require.NotEmpty(t, lints)
			assert.Contains(t, fmt.Sprint(lints), tc.says)
		})
	}
}

type failing struct{ err error }

func (f failing) Finish(context.Context) error { return f.err }

// A message leaves the queue only when what outputs want to do at its end is done.
func TestQueueInputFinishesBeforeItAcknowledges(t *testing.T) {
	in, q, nc := newQueueInput(t)
	require.NoError(t, q.Publish(testContext(t), ingest.NewCodec("a", "a", nil), nil))
	for _, err := range []error{errors.New("not yet"), nil} {
		msg, ack, readErr := in.Read(testContext(t))
		require.NoError(t, readErr)
		settlement, ok := ingest.SettlementOf(msg)
		require.True(t, ok)
		settlement.Join("output", func() ingest.Finisher { return failing{err} })
		require.NoError(t, ack(testContext(t), nil))
		want := uint64(0)
		if err != nil {
			want = 1
		}
		require.Equal(t, want, pending(t, nc))
	}
}
