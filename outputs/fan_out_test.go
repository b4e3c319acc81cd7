package outputs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// destinations are what test_store outputs store in, by name.
var destinations sync.Map

func init() {
	spec := service.NewConfigSpec().Field(service.NewStringField("name")).Fields(StoreFields()...)
	service.MustRegisterOutput("test_store", spec, func(conf *service.ParsedConfig, res *service.Resources) (service.Output, int, error) {
		name, err := conf.FieldString("name")
		if err != nil {
			return nil, 0, err
		}
		dest, ok := destinations.Load(name)
		if !ok {
			return nil, 0, fmt.Errorf("there is no destination %q", name)
		}
		return NewStore(dest.(ingest.Destination), conf, res)
	})
}

// newTestFanOut returns a running fan-out into the destinations; %s in the
// configuration stands for their outputs.
func newTestFanOut(t *testing.T, yaml, storeYAML string, dests ...ingest.Destination) *fanOut {
	t.Helper()
	var outs strings.Builder
	for i, d := range dests {
		name := fmt.Sprintf("%s/%d", t.Name(), i)
		destinations.Store(name, d)
		fmt.Fprintf(&outs, "  - test_store: { name: %q, %s }\n", name, storeYAML)
	}
	conf, err := fanOutSpec().ParseYAML("outputs:\n"+outs.String()+yaml, service.GlobalEnvironment())
	require.NoError(t, err)
	f, err := newFanOut(conf, service.MockResources())
	require.NoError(t, err)
	require.NoError(t, f.Connect(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, f.Close(ctx))
	})
	return f
}

func TestFanOutStoresEverywhereAndCleansUp(t *testing.T) {
	a, b, src := newMemory(), newMemory(), newClient("x")
	f := newTestFanOut(t, "clean_up: true\n", "", a, b)
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Equal(t, "x", a.objects["name"])
	assert.Equal(t, "x", b.objects["name"])
	assert.Equal(t, 1, src.cleaned)

	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Equal(t, 2, src.cleaned, "what is up to date is proved too")
	assert.Equal(t, 1, a.stores)
}

func TestFanOutCleansUpOnlyIfAsked(t *testing.T) {
	src := newClient("x")
	f := newTestFanOut(t, "", "", newMemory())
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Zero(t, src.cleaned)
}

func TestFanOutWaitsForAllAndJoinsErrors(t *testing.T) {
	slow, bad, worse, src := newMemory(), newMemory(), newMemory(), newClient("x")
	release := make(chan struct{})
	slow.onStore = func() { <-release }
	bad.err, worse.err = errors.New("the bad one"), ingest.Permanent(errors.New("the worse one"))
	f := newTestFanOut(t, "clean_up: true\n", "", slow, bad, worse)
	result := make(chan error, 1)
	go func() { result <- f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}) }()
	require.Never(t, func() bool { return len(result) > 0 }, 100*time.Millisecond, 10*time.Millisecond, "an upload still runs")
	close(release)
	err := <-result
	require.ErrorIs(t, err, bad.err)
	require.ErrorContains(t, err, "output 1")
	require.ErrorContains(t, err, "the worse one")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err), "one of them may get better")
	content, _ := slow.get("name")
	assert.Equal(t, "x", content)
	assert.Zero(t, src.cleaned)
}

func TestFanOutKeepsTheKindOfErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want ingest.Kind
	}{
		"outage":    {ingest.ErrOutage, ingest.KindOutage},
		"permanent": {ingest.ErrPermanent, ingest.KindPermanent},
		"changed":   {ingest.ErrChanged, ingest.KindChanged},
	} {
		t.Run(name, func(t *testing.T) {
			dest := newMemory()
			dest.err = tc.err
			f := newTestFanOut(t, "", "", dest)
			err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))})
			assert.Equal(t, tc.want, ingest.KindOf(err))
		})
	}
}

func TestFanOutCleansUpOnlyOnProof(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*memory)
		store   string
		says    string
	}{
		"unverified": {func(m *memory) { m.unverified = true }, "", "did not verify"},
		"kept":       {func(m *memory) { m.objects["name"] = "other" }, "overwrite: never", "keeps something else"},
	} {
		t.Run(name, func(t *testing.T) {
			good, bad, src := newMemory(), newMemory(), newClient("x")
			tc.prepare(bad)
			f := newTestFanOut(t, "clean_up: true\n", tc.store, good, bad)
			err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)})
			require.ErrorContains(t, err, tc.says)
			require.ErrorContains(t, err, "output 1")
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			assert.Zero(t, src.cleaned)
		})
	}
}

func TestFanOutIntoStockOutputs(t *testing.T) {
	for name, trusted := range map[string]bool{"refused": false, "trusted": true} {
		t.Run(name, func(t *testing.T) {
			src := newClient("x")
			f := newTestFanOut(t, fmt.Sprintf("  - drop: {}\nclean_up: true\ntrust_outputs: %v\n", trusted), "", newMemory())
			err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)})
			if trusted {
				require.NoError(t, err)
				assert.Equal(t, 1, src.cleaned)
				return
			}
			require.ErrorContains(t, err, "gives no proof")
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			assert.Zero(t, src.cleaned)
		})
	}
}

func TestFanOutOfAChangedSource(t *testing.T) {
	for name, yaml := range map[string]string{"clean-up": "clean_up: true\n", "no clean-up": ""} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("old")
			dest.onStore = func() { src.change("newer") }
			f := newTestFanOut(t, yaml, "", dest)
			err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)})
			assert.Equal(t, ingest.KindChanged, ingest.KindOf(err))
			assert.Zero(t, src.cleaned)
			dest.onStore = nil
			require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
			assert.Equal(t, "newer", dest.objects["name"])
		})
	}
}

func TestFanOutOfAVanishedObjectCleansNothingUp(t *testing.T) {
	src := newClient("x")
	src.gone = true
	f := newTestFanOut(t, "clean_up: true\n", "", newMemory())
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Zero(t, src.cleaned)
}

// A processor may have split one object into pieces.
func TestFanOutOfASplitObject(t *testing.T) {
	dest, src := newMemory(), newClient("x")
	failing := &failOnce{memory: dest, after: 2}
	f := newTestFanOut(t, "clean_up: true\n", `key: '${! content() }'`, failing)
	require.Error(t, f.WriteBatch(testContext(t), pieces(t, src)))
	assert.Zero(t, src.cleaned, "the last piece is not stored")
	require.NoError(t, f.WriteBatch(testContext(t), pieces(t, src)))
	assert.Equal(t, 1, src.cleaned, "once for all its pieces")
	assert.Len(t, dest.objects, 3)
}

// pieces is what processors make of one object.
func pieces(t *testing.T, src *client) (batch service.MessageBatch) {
	t.Helper()
	original := carrying(src)
	handle, _ := ingest.HandleOf(original)
	_, err := handle.Stat(t.Context())
	require.NoError(t, err)
	for _, piece := range []string{"p1", "p2", "p3"} {
		msg := original.Copy()
		msg.SetBytes([]byte(piece))
		ingest.AttachContent(msg, handle)
		batch = append(batch, msg)
	}
	return batch
}

func TestFanOutOfPiecesUnderOneName(t *testing.T) {
	src := newClient("x")
	f := newTestFanOut(t, "clean_up: true\n", `key: 'name/${! batch_index() }'`, newMemory())
	err := f.WriteBatch(testContext(t), pieces(t, src))
	require.ErrorContains(t, err, "several messages of a batch as memory://name/0")
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
	assert.Zero(t, src.cleaned)
}

type failOnce struct {
	*memory
	mu    sync.Mutex
	after int
}

func (f *failOnce) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	f.mu.Lock()
	f.after--
	now := f.after == -1
	f.mu.Unlock()
	if now {
		return nil, errors.New("this piece is not stored")
	}
	return f.memory.Store(ctx, codec, obj)
}

func TestFanOutRefusesMessagesThatFailed(t *testing.T) {
	dest := newMemory()
	msg := carrying(newClient("x"))
	msg.SetError(errors.New("a processor failed"))
	f := newTestFanOut(t, "", "", dest)
	require.ErrorContains(t, f.WriteBatch(testContext(t), service.MessageBatch{msg}), "a processor failed")
	assert.Empty(t, dest.objects)
}

// What processors made of one message may come in several batches: nothing is
// cleaned up, and nobody told, before the last of them is stored.
func TestFanOutWaitsForAllBatchesOfAMessage(t *testing.T) {
	src, dest := newClient("x"), newMemory()
	f := newTestFanOut(t, "clean_up: true\n", `key: '${! metadata("piece") }'`, dest)
	ctx, settlement := ingest.WithSettlement(testContext(t))
	whole := carrying(src).WithContext(ctx)
	piece := func(name string) service.MessageBatch {
		msg := whole.Copy()
		msg.MetaSetMut("piece", name)
		return service.MessageBatch{msg}
	}
	require.NoError(t, f.WriteBatch(testContext(t), piece("1")))
	require.NoError(t, f.WriteBatch(testContext(t), piece("2")))
	assert.Zero(t, src.cleaned)
	require.NoError(t, settlement.Finish(testContext(t)))
	assert.Equal(t, 1, src.cleaned)

	require.NoError(t, f.WriteBatch(testContext(t), piece("2")))
	err := settlement.Finish(testContext(t))
	require.ErrorIs(t, err, ingest.ErrPermanent, "two pieces have one name")
	assert.Equal(t, 1, src.cleaned)
}

func TestFanOutNeedsAnOutput(t *testing.T) {
	conf, err := fanOutSpec().ParseYAML("outputs: []", service.GlobalEnvironment())
	require.NoError(t, err)
	_, err = newFanOut(conf, service.MockResources())
	require.ErrorContains(t, err, "field outputs: at least one output was expected")
}
