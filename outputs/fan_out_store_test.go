package outputs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestFanOutReadsOnce(t *testing.T) {
	for _, outputs := range []int{1, 2, 3} {
		for name, content := range map[string]string{"small": "x", "large": strings.Repeat("0123456789", 1<<20)} {
			t.Run(fmt.Sprint(outputs, " ", name), func(t *testing.T) {
				src := newClient(content)
				var dests []*memory
				var all []ingest.Destination
				for range outputs {
					dests = append(dests, newMemory())
					all = append(all, dests[len(dests)-1])
				}
				f := newTestFanOut(t, "", "", all...)
				require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
				for _, d := range dests {
					assert.True(t, d.objects["name"] == content)
				}
				assert.Equal(t, 1, src.opens)
			})
		}
	}
}

// What one output lacks is its own affair, also at the source.
func TestFanOutRetriesOneOutputAlone(t *testing.T) {
	good, bad, src := newMemory(), newMemory(), newClient(strings.Repeat("0123456789", 1<<20))
	bad.err = errors.New("the bad one")
	f := newTestFanOut(t, "clean_up: true\n", "", good, bad)
	require.ErrorIs(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}), bad.err)
	assert.Equal(t, 1, src.opens)
	assert.Zero(t, src.cleaned)

	bad.err = nil
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Equal(t, 2, src.opens)
	assert.Equal(t, 1, good.stores)
	assert.Equal(t, 1, src.cleaned)
}

func TestFanOutWithinAFanOutReadsOnce(t *testing.T) {
	a, b, c, src := newMemory(), newMemory(), newMemory(), newClient("x")
	for name, d := range map[string]*memory{"b": b, "c": c} {
		destinations.Store(t.Name()+"/"+name, d)
	}
	f := newTestFanOut(t, fmt.Sprintf(`  - ingest_fan_out:
      outputs:
        - test_store: { name: %[1]s/b }
        - test_store: { name: %[1]s/c }
`, t.Name()), "", a)
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	for _, d := range []*memory{a, b, c} {
		assert.Equal(t, "x", d.objects["name"])
	}
	assert.Equal(t, 1, src.opens)
}

// The message of one object may have become that of another on the way to an output.
func TestClaimIsForOneObject(t *testing.T) {
	a, b := newClient("a"), newClient("b")
	f := newTestFanOut(t, "", "", newMemory(), newMemory())
	msgs, done := f.copies(carrying(a))
	defer done(0)
	defer done(1)
	handle, _ := ingest.HandleOf(carrying(b))
	ingest.Attach(msgs[0], handle)
	dest := newMemory()
	require.NoError(t, newStore(t, dest, "").Write(testContext(t), msgs[0]))
	assert.Equal(t, "b", dest.objects["name"])
	assert.Zero(t, a.opens)
}
