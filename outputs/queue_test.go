package outputs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
)

func newQueueOutput(t *testing.T) (service.Output, *queue.Queue) {
	t.Helper()
	conf, err := queueSpec().ParseYAML(fmt.Sprintf("store_dir: %q\nsubject: ingest.wf", t.TempDir()), service.NewEmptyEnvironment())
	require.NoError(t, err)
	cfg, err := queue.ConfigFromParsed(conf, service.MockResources())
	require.NoError(t, err)
	o := NewQueue(cfg, service.MockResources())
	require.NoError(t, o.Connect(testContext(t)))
	q, err := queue.Open(testContext(t), cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, o.Close(t.Context()))
		assert.NoError(t, q.Close())
	})
	return o, q
}

func TestQueueOutput(t *testing.T) {
	o, q := newQueueOutput(t)
	msg := service.NewMessage([]byte(`{"id":"a","name":"n","meta":null}`))
	msg.MetaSetMut(ingest.MetaSize, "5")
	msg.MetaSetMut("other", "x")
	require.NoError(t, o.Write(testContext(t), msg))
	require.NoError(t, o.Write(testContext(t), msg), "what is queued already is no error")

	s, err := q.Subscribe(testContext(t))
	require.NoError(t, err)
	held, err := s.Pop(testContext(t), 2)
	require.NoError(t, err)
	require.Len(t, held, 1)
	assert.JSONEq(t, `{"id":"a","name":"n","meta":null}`, string(held[0].Data()))
	assert.Equal(t, map[string]string{"Ingest-Size": "5"}, held[0].Headers())
	require.NoError(t, held[0].Ack(testContext(t)))
	require.NoError(t, s.Close(testContext(t)))
}

func TestQueueOutputRefuses(t *testing.T) {
	o, _ := newQueueOutput(t)
	failed := service.NewMessage([]byte(`{"id":"a","name":"n"}`))
	failed.SetError(errors.New("a processor failed"))
	require.ErrorContains(t, o.Write(testContext(t), failed), "a processor failed")
	err := o.Write(testContext(t), service.NewMessage([]byte("garbage")))
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
	require.NoError(t, o.Close(testContext(t)))
	require.ErrorIs(t, o.Write(testContext(t), failed), service.ErrNotConnected)
}

// A server that takes small messages only gets a reference.
func TestQueueOutputOfContentThatIsTooLarge(t *testing.T) {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), MaxPayload: 4096, NoLog: true, NoSigs: true,
	})
	require.NoError(t, err)
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(15*time.Second))
	cfg := queue.Config{Subject: "ingest.wf", Server: queue.Server{URLs: []string{srv.ClientURL()}}}
	o := NewQueue(cfg, service.MockResources())
	require.NoError(t, o.Connect(testContext(t)))
	t.Cleanup(func() { assert.NoError(t, o.Close(context.Background())) })

	for id, size := range map[string]int{"small": 10, "large": 8000} {
		codec, err := ingest.NewCodec(id, "n", nil).WithContent(&ingest.Object{}, make([]byte, size))
		require.NoError(t, err)
		data, err := codec.Marshal()
		require.NoError(t, err)
		msg := service.NewMessage(data)
		msg.MetaSetMut(ingest.MetaInline, strconv.Itoa(size))
		require.NoError(t, o.Write(testContext(t), msg))
	}
	q, err := queue.Open(testContext(t), cfg, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	inline := map[string]string{}
	require.NoError(t, q.Peek(testContext(t), 10, func(m *queue.Message) error {
		inline[m.ID] = m.Headers.Get("Ingest-Inline")
		return nil
	}))
	assert.Equal(t, map[string]string{"small": "10", "large": ""}, inline)
}
