package outputs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// copier is a memory whose server has the source's objects, too.
type copier struct {
	*memory
	cannot bool
	err    error
	copies int
	onCopy func()
}

func (c *copier) CanCopy(ingest.Client) bool { return !c.cannot }

func (c *copier) Copy(_ context.Context, from ingest.Client, element, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.onCopy != nil {
		c.onCopy()
	}
	c.copies++
	c.objects[codec.Name] = from.(*client).content
	return &ingest.Stored{URI: "memory://" + element.ID, Len: obj.Len, MD5: obj.MD5, Verified: true}, nil
}

func TestCopiedByTheServer(t *testing.T) {
	failure := errors.New("the server failed")
	for name, tc := range map[string]struct {
		dest                  copier
		gone                  bool
		err                   error
		outcome               ingest.Outcome
		copies, opens, stores int
	}{
		"copied":      {outcome: ingest.OutcomeStored, copies: 1},
		"cannot":      {dest: copier{cannot: true}, outcome: ingest.OutcomeStored, opens: 1, stores: 1},
		"refused":     {dest: copier{err: errors.ErrUnsupported}, outcome: ingest.OutcomeStored, opens: 1, stores: 1},
		"failed":      {dest: copier{err: failure}, err: failure},
		"vanished":    {gone: true, outcome: ingest.OutcomeVanished},
		"gone by now": {dest: copier{err: ingest.ErrNotFound}, outcome: ingest.OutcomeVanished},
	} {
		t.Run(name, func(t *testing.T) {
			dest, src := tc.dest, newClient("content")
			dest.memory, src.gone = newMemory(), tc.gone
			msg := carrying(src)
			receipts := ingest.CollectReceipts(msg)
			err := newStore(t, &dest, "").Write(testContext(t), msg)
			require.ErrorIs(t, err, tc.err)
			if tc.err == nil {
				require.Len(t, receipts.All(), 1)
				assert.Equal(t, tc.outcome, receipts.All()[0].Outcome)
				assert.Equal(t, tc.outcome == ingest.OutcomeStored, receipts.All()[0].Proves())
			}
			assert.Equal(t, []int{tc.copies, tc.opens, tc.stores}, []int{dest.copies, src.opens, dest.stores})
		})
	}
}

// What processors made of the content, and content that came with the message, is not
// what the server has.
func TestContentIsNotCopiedByTheServer(t *testing.T) {
	src, dest := newClient("content"), &copier{memory: newMemory()}
	codec := ingest.NewCodec("id", "name", nil)
	inline := carrying(src)
	ingest.Attach(inline, ingest.NewInlineHandle(src, codec, &src.obj, []byte("content")))
	read := carrying(src)
	read.SetBytes([]byte("made of it"))
	ingest.AttachContent(read, ingest.NewHandle(src, codec))
	s := newStore(t, dest, "overwrite: always")
	require.NoError(t, s.Write(testContext(t), inline))
	assert.Equal(t, "content", dest.objects["name"])
	require.NoError(t, s.Write(testContext(t), read))
	assert.Equal(t, "made of it", dest.objects["name"])
	assert.Zero(t, dest.copies)
}

// An output that reads needs not wait for another whose server copies.
func TestFanOutOfACopyAndAnUpload(t *testing.T) {
	content := strings.Repeat("0123456789", 1<<20)
	src, other, same := newClient(content), newMemory(), &copier{memory: newMemory()}
	same.onCopy = func() {
		assert.Eventually(t, func() bool { _, ok := other.get("name"); return ok }, patience/2, time.Millisecond)
	}
	f := newTestFanOut(t, "shared_memory: 65536\n", "", same, other)
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Equal(t, content, other.objects["name"])
	assert.Equal(t, content, same.objects["name"])
	assert.Equal(t, []int{1, 0, 1, 1}, []int{same.copies, same.stores, other.stores, src.opens})
}
