package processors

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestInline(t *testing.T) {
	c := newClient("content")
	msg := process(t, newFetch(t, versioned{c}, "operation: inline"), message())
	size, _ := msg.MetaGet(ingest.MetaInline)
	assert.Equal(t, "7", size)
	etag, _ := msg.MetaGet(ingest.MetaETag)
	assert.Equal(t, "0f", etag, "the version that travels")
	assert.Equal(t, 1, c.opens)

	c.body = func(context.Context) io.Reader { return strings.NewReader("NEWER..") }
	arrived := process(t, newFetch(t, versioned{c}, ""), msg.Copy())
	assert.Equal(t, "content", opened(t, arrived))
	assert.Equal(t, 1, c.opens, "the source was not asked again")

	redelivered := msg.Copy()
	redelivered.MetaSetMut(ingest.MetaDeliveries, "2")
	again := process(t, newFetch(t, versioned{c}, ""), redelivered)
	assert.Equal(t, "NEWER..", opened(t, again), "a failed attempt is followed by what the source has now")

	assert.Equal(t, "content", body(t, process(t, newFetch(t, versioned{c}, "operation: read"), msg.Copy())))
}

// opened returns the content behind the handle of a message.
func opened(t *testing.T, msg *service.Message) string {
	t.Helper()
	h, ok := ingest.HandleOf(msg)
	require.True(t, ok)
	assert.Equal(t, ingest.NewCodec("a", "n", nil), h.Codec())
	obj, err := h.Open(t.Context())
	require.NoError(t, err)
	text, err := io.ReadAll(obj.Reader)
	require.NoError(t, err)
	return string(text)
}

func TestWhatTravelsByReference(t *testing.T) {
	for name, tc := range map[string]struct {
		set   func(*client, *service.Message)
		opens int
	}{
		"listed as too large":    {func(_ *client, msg *service.Message) { msg.MetaSetMut(ingest.MetaSize, "8") }, 0},
		"announced as too large": {func(c *client, _ *service.Message) { c.obj.Len = 8 }, 1},
		"turns out too large": {func(c *client, _ *service.Message) {
			c.obj.Len = -1
			c.body = func(context.Context) io.Reader { return strings.NewReader("12345678") }
		}, 1},
		"the source fails": {func(c *client, _ *service.Message) { c.err = errors.New("busy") }, 1},
		"the content is short": {func(c *client, _ *service.Message) {
			c.body = func(context.Context) io.Reader { return strings.NewReader("c") }
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, msg := newClient("content"), message()
			tc.set(c, msg)
			msg = process(t, newFetch(t, c, "{ operation: inline, max_bytes: 7 }"), msg)
			assert.Equal(t, elementJSON, body(t, msg))
			_, ok := msg.MetaGet(ingest.MetaInline)
			assert.False(t, ok)
			assert.Equal(t, tc.opens, c.opens)
		})
	}
}

func TestInlineLeavesMetaAlone(t *testing.T) {
	const own = `{"id":"a","name":"n","meta":"b3du"}`
	msg := process(t, newFetch(t, newClient("content"), "operation: inline"), service.NewMessage([]byte(own)))
	assert.Equal(t, own, body(t, msg))
}

func TestInlineOfWhatVanished(t *testing.T) {
	c := newClient("content")
	c.err = ingest.ErrNotFound
	batch, err := newFetch(t, c, "operation: inline").Process(t.Context(), message())
	require.NoError(t, err)
	assert.Empty(t, batch, "there is nothing to queue")
}

func TestDamagedInlineContentIsPermanent(t *testing.T) {
	msg := message()
	msg.MetaSetMut(ingest.MetaInline, "7")
	_, err := newFetch(t, newClient("content"), "").Process(t.Context(), msg)
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
}

// What is to be deleted travels to the worker, and reaches no output as content.
func TestWhatIsToBeDeleted(t *testing.T) {
	for operation, reaches := range map[string]bool{"download": true, "inline": true, "read": false, "stat": false} {
		t.Run(operation, func(t *testing.T) {
			c := newClient("content")
			c.err = ingest.ErrNotFound
			msg := message()
			msg.MetaSetMut(ingest.MetaOperation, ingest.OperationDelete)
			batch, err := newFetch(t, versioned{c}, "operation: "+operation).Process(t.Context(), msg)
			require.NoError(t, err)
			require.Equal(t, reaches, len(batch) == 1)
			if reaches {
				assert.Equal(t, elementJSON, body(t, batch[0]))
				assert.True(t, ingest.IsDeletion(batch[0].MetaGet))
				assert.False(t, ingest.HasContent(batch[0]))
			}
		})
	}
}
