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

func TestStoreRefuses(t *testing.T) {
	failed := carrying(newClient("x"))
	failed.SetError(errors.New("a processor failed"))
	bare := service.NewMessage([]byte(`{"id":"id","name":"name","meta":null}`))
	itself := newClient("x")
	itself.location = "memory://there/name"
	for name, tc := range map[string]struct {
		msg       *service.Message
		yaml      string
		says      string
		permanent bool
	}{
		"a bare element":          {bare, "", "carries no object", true},
		"a message that failed":   {failed, "", "a processor failed", false},
		"an empty key":            {carrying(newClient("x")), `key: ${! metadata("nothing").or("") }`, "is empty", true},
		"a key that has no value": {carrying(newClient("x")), `key: ${! throw("no key") }`, "field key", true},
		"a copy onto itself":      {carrying(itself), "", "onto itself", true},
	} {
		t.Run(name, func(t *testing.T) {
			dest := newMemory()
			dest.location = "memory://there/"
			err := newStore(t, dest, tc.yaml).Write(testContext(t), tc.msg)
			require.ErrorContains(t, err, tc.says)
			assert.Equal(t, tc.permanent, ingest.KindOf(err) == ingest.KindPermanent)
			assert.Empty(t, dest.objects)
		})
	}
}

func TestStoreStoresUnderTheKey(t *testing.T) {
	dest := newMemory()
	require.NoError(t, newStore(t, dest, "").Write(testContext(t), carrying(newClient("x"))))
	require.NoError(t, newStore(t, dest, `key: a/${! metadata("ingest_name") }.gz`).Write(testContext(t), carrying(newClient("y"))))
	assert.Equal(t, map[string]string{"name": "x", "a/name.gz": "y"}, dest.objects)
	assert.Equal(t, []string{"name", "a/name.gz"}, dest.confirmed)
}

func TestOverwrite(t *testing.T) {
	for name, tc := range map[string]struct {
		overwrite, held string
		want            ingest.Outcome
		after           string
		opens, stats    int
	}{
		"changed, nothing there": {"changed", "", ingest.OutcomeStored, "new", 1, 1},
		"changed, same":          {"changed", "new", ingest.OutcomeUpToDate, "new", 0, 1},
		"changed, other":         {"changed", "old", ingest.OutcomeStored, "new", 1, 1},
		"never, nothing there":   {"never", "", ingest.OutcomeStored, "new", 1, 1},
		"never, same":            {"never", "new", ingest.OutcomeUpToDate, "new", 0, 1},
		"never, other":           {"never", "old", ingest.OutcomeKept, "old", 0, 1},
		"always, nothing there":  {"always", "", ingest.OutcomeStored, "new", 1, 0},
		"always, same":           {"always", "new", ingest.OutcomeStored, "new", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("new")
			if tc.held != "" {
				dest.objects["name"] = tc.held
			}
			msg := carrying(src)
			receipts := ingest.CollectReceipts(msg)
			require.NoError(t, newStore(t, dest, "overwrite: "+tc.overwrite).Write(testContext(t), msg))
			require.Len(t, receipts.All(), 1)
			r := receipts.All()[0]
			assert.Equal(t, tc.want, r.Outcome)
			assert.Equal(t, tc.want != ingest.OutcomeKept, r.Proves())
			assert.Equal(t, tc.after, dest.objects["name"])
			assert.Equal(t, tc.opens, src.opens, "what is up to date is not opened")
			assert.Equal(t, tc.stats, dest.stats)
		})
	}
}

func TestVanishedIsNoFailure(t *testing.T) {
	for name, held := range map[string]bool{"nothing stored": false, "something stored": true} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("new")
			if held {
				dest.objects["name"] = "old"
			}
			src.gone = true
			msg := carrying(src)
			receipts := ingest.CollectReceipts(msg)
			require.NoError(t, newStore(t, dest, "").Write(testContext(t), msg))
			require.Len(t, receipts.All(), 1)
			assert.Equal(t, ingest.OutcomeVanished, receipts.All()[0].Outcome)
			assert.False(t, receipts.All()[0].Proves())
			assert.Zero(t, dest.stores)
		})
	}
}

func TestDamagedReadIsNotStored(t *testing.T) {
	for name, damage := range map[string]func(*client){
		"short": func(c *client) { c.content = c.content[1:] },
		"long":  func(c *client) { c.content += "x" },
		"other": func(c *client) { c.content = "CONTENT" },
	} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("content")
			damage(src)
			err := newStore(t, dest, "").Write(testContext(t), carrying(src))
			require.ErrorIs(t, err, errDamaged)
			assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
			assert.Empty(t, dest.objects)
		})
	}
}

// What an attempt left that failed verification has the name and the length of the
// object, and may be newer than it.
func TestFailedVerificationIsNotUpToDateAtTheRetry(t *testing.T) {
	for name, forget := range map[string]func(*ingest.Object, *ingest.Stored){
		"with digests":     func(*ingest.Object, *ingest.Stored) {},
		"with opaque tags": func(src *ingest.Object, held *ingest.Stored) { src.MD5, src.ETag, held.MD5 = nil, "opaque", nil },
	} {
		t.Run(name, func(t *testing.T) {
			src := newClient("content")
			dest := &damaging{memory: newMemory(), forget: func(held *ingest.Stored) { forget(&src.obj, held) }}
			s := newStore(t, dest, "")
			require.ErrorContains(t, s.Write(testContext(t), carrying(src)), "does not hold what was sent")
			require.Equal(t, "CONTENT", dest.objects["name"])
			require.NoError(t, s.Write(testContext(t), carrying(src)))
			assert.Equal(t, "content", dest.objects["name"])
		})
	}
}

// damaging stores something else the first time, and cannot remove it.
type damaging struct {
	*memory
	forget func(*ingest.Stored)
}

func (d *damaging) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	held, err := d.memory.Stat(ctx, codec)
	if err == nil {
		held.ModTime = time.Now()
		d.forget(held)
	}
	return held, err
}

func (d *damaging) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	stored, err := d.memory.Store(ctx, codec, obj)
	if err == nil && d.stores == 1 {
		d.objects[codec.Name] = strings.ToUpper(d.objects[codec.Name])
		return nil, errors.New("the server does not hold what was sent")
	}
	return stored, err
}

func TestDestinationThatSaysNothingIsNotBelieved(t *testing.T) {
	dest := newMemory()
	dest.silent = true
	err := newStore(t, dest, "").Write(testContext(t), carrying(newClient("x")))
	require.ErrorContains(t, err, "does not say what it holds")
}

func TestContentMessages(t *testing.T) {
	dest, src := newMemory(), newClient("original")
	msg := carrying(src)
	handle, _ := ingest.HandleOf(msg)
	msg.SetBytes([]byte("transformed"))
	ingest.AttachContent(msg, handle)
	s := newStore(t, dest, "")
	require.NoError(t, s.Write(testContext(t), msg))
	assert.Equal(t, "transformed", dest.objects["name"])
	assert.Zero(t, src.opens)
	require.NoError(t, s.Write(testContext(t), msg))
	assert.Equal(t, 1, dest.stores, "the same content is up to date")
}

func TestWithoutCollectorTheSourceIsLookedAtAgain(t *testing.T) {
	dest, src := newMemory(), newClient("old")
	dest.onStore = func() { src.change("newer") }
	s := newStore(t, dest, "")
	require.ErrorIs(t, s.Write(testContext(t), carrying(src)), ingest.ErrChanged)

	msg := carrying(newClient("old"))
	ingest.CollectReceipts(msg)
	require.NoError(t, s.Write(testContext(t), msg), "whoever collects looks")
}

func TestOutputsGetOneVersion(t *testing.T) {
	src := newClient("old")
	msg := carrying(src)
	ingest.CollectReceipts(msg)
	first, second := newMemory(), newMemory()
	require.NoError(t, newStore(t, first, "").Write(testContext(t), msg.Copy()))
	src.change("newer")
	require.ErrorIs(t, newStore(t, second, "").Write(testContext(t), msg.Copy()), ingest.ErrChanged)
	assert.Equal(t, "old", first.objects["name"])
	assert.Empty(t, second.objects)
}

func TestStallIsNamed(t *testing.T) {
	dest := newMemory()
	src := newClient("x")
	store := &stalled{memory: dest}
	err := newStore(t, store, "stall_timeout: 20ms").Write(testContext(t), carrying(src))
	var stall *ingest.StallError
	require.ErrorAs(t, err, &stall)
	assert.Equal(t, 20*time.Millisecond, stall.Timeout)
}

type stalled struct{ *memory }

func (s *stalled) Store(ctx context.Context, _ ingest.Codec, _ ingest.Object) (*ingest.Stored, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The queue cancels the message's context when another worker may have it.
func TestMessageOfAnotherWorkerIsNotStored(t *testing.T) {
	dest := newMemory()
	lost := errors.New("lease lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	msg := carrying(newClient("x")).WithContext(ctx)
	cancel(lost)
	require.ErrorIs(t, newStore(t, dest, "").Write(testContext(t), msg), lost)
	assert.Empty(t, dest.objects)
}
