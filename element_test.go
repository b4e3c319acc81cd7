package ingest_test

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestElementOf(t *testing.T) {
	codec := ingest.NewCodec("a", "b", nil)
	wire, err := codec.Marshal()
	require.NoError(t, err)
	made := func() *service.Message { return ingest.NewElementMessage(t.Context(), codec, wire) }
	for name, tc := range map[string]struct {
		msg  func() *service.Message
		want string
	}{
		"as it was made": {made, "a"},
		"a copy":         {func() *service.Message { return made().Copy() }, "a"},
		"bytes alone":    {func() *service.Message { return service.NewMessage(wire) }, "a"},
		"another": {func() *service.Message {
			msg := made()
			msg.SetBytes([]byte(`{"id":"c","name":"d","meta":null}`))
			return msg
		}, "c"},
		"another in place": {func() *service.Message {
			msg := ingest.NewElementMessage(t.Context(), codec, append([]byte{}, wire...))
			data, err := msg.AsBytes()
			require.NoError(t, err)
			data[7] = 'x'
			return msg
		}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ingest.ElementOf(tc.msg())
			require.NoError(t, err)
			assert.Equal(t, tc.want, got.ID)
		})
	}
	msg := made()
	msg.SetBytes([]byte("no element"))
	_, err = ingest.ElementOf(msg)
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
}
