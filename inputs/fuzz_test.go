package inputs

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// given is a delivery of any message.
type given struct {
	data    []byte
	headers map[string]string
}

func (given) Context() context.Context                { return context.Background() }
func (g given) Data() []byte                          { return g.data }
func (g given) Headers() map[string]string            { return g.headers }
func (given) Deliveries() int                         { return 3 }
func (given) Attempt(context.Context) (int, error)    { return 2, nil }
func (given) Ack(context.Context) error               { return nil }
func (given) Fail(context.Context, error) (err error) { return err }

// FuzzDelivery takes any message from the queue. Only an element enters the pipeline,
// and no header of a message says what the input says itself, or sets other metadata
// than ours.
func FuzzDelivery(f *testing.F) {
	f.Add([]byte(`{"id":"a","name":"b","meta":null}`), "Ingest-Size", "1")
	f.Add([]byte(`{"id":"a","name":"../b","meta":null}`), "Ingest-Id", "forged")
	f.Add([]byte(`{"id":"a","name":"b"}`), "Ingest-Attempt", "99")
	f.Add([]byte(`{"id":"a","name":"b"}`), "Ingest-İd", "forged")
	f.Add([]byte(`{}`), "Nats-Msg-Id", "x")
	f.Fuzz(func(t *testing.T, data []byte, header, value string) {
		msg, err := deliveryMessage(t.Context(), given{data, map[string]string{header: value}})
		var codec ingest.Codec
		if codec.Unmarshal(data) != nil {
			require.ErrorIs(t, err, ingest.ErrPermanent)
			return
		}
		require.NoError(t, err)
		meta := map[string]string{}
		require.NoError(t, msg.MetaWalk(func(k, v string) error {
			// What begins with _ingest_ is the process's own, and no header.
			require.True(t, strings.HasPrefix(k, "ingest_") || strings.HasPrefix(k, "_ingest_"), k)
			meta[k] = v
			return nil
		}))
		require.NotEqual(t, value, meta["_ingest_element"], "a header forged it")
		require.Equal(t, codec.ID, meta[ingest.MetaID])
		require.Equal(t, codec.Name, meta[ingest.MetaName])
		require.Equal(t, "3", meta[ingest.MetaDeliveries])
		require.Equal(t, "2", meta[ingest.MetaAttempt])
		got, err := ingest.ElementOf(msg)
		require.NoError(t, err)
		require.Equal(t, codec, got)
	})
}
