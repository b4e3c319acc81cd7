package outputs

import (
	"context"
	"errors"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// erasable is a destination that can delete.
type erasable struct {
	*memory
	deleted []ingest.Stored
	fails   error
}

func (e *erasable) Delete(_ context.Context, codec ingest.Codec, held *ingest.Stored) error {
	if e.fails != nil {
		return e.fails
	}
	e.deleted = append(e.deleted, *held)
	delete(e.objects, codec.Name)
	return nil
}

// refusing is a source that does not tell whether it has an object.
type refusing struct {
	*client
	err error
}

func (r refusing) Stat(context.Context, ingest.Codec) (*ingest.Object, error) { return nil, r.err }

func (r refusing) Download(context.Context, ingest.Codec) (*ingest.Object, error) { return nil, r.err }

// Something is deleted where it was seen, if the source says that it is gone.
func TestDeletion(t *testing.T) {
	const here, elsewhere = "memory://there/", "memory://elsewhere/"
	gone := func() ingest.Client { c := newClient("new"); c.gone = true; return c }
	has := func() ingest.Client { return newClient("new") }
	silent := func() ingest.Client { return refusing{newClient("new"), ingest.Outage(errors.New("no answer"))} }
	for name, tc := range map[string]struct {
		source        func() ingest.Client
		seenAt        string
		operation     string
		yaml          string
		holds, leaves string
		fails         error
		outcome       ingest.Outcome
		says          string
	}{
		"gone":                          {source: gone, seenAt: here, operation: "delete", holds: "old", outcome: ingest.OutcomeDeleted},
		"gone, never to overwrite":      {source: gone, seenAt: here, operation: "delete", yaml: "overwrite: never", holds: "old", outcome: ingest.OutcomeDeleted},
		"gone, nothing there":           {source: gone, seenAt: here, operation: "delete", outcome: ingest.OutcomeVanished},
		"there again":                   {source: has, seenAt: here, operation: "delete", holds: "old", leaves: "new", outcome: ingest.OutcomeStored},
		"there again, and the same":     {source: has, seenAt: here, operation: "delete", holds: "new", leaves: "new", outcome: ingest.OutcomeUpToDate},
		"no answer":                     {source: silent, seenAt: here, operation: "delete", holds: "old", leaves: "old", says: "no answer"},
		"seen elsewhere":                {source: gone, seenAt: elsewhere, operation: "delete", holds: "old", leaves: "old", outcome: ingest.OutcomeVanished},
		"seen nowhere":                  {source: gone, operation: "delete", holds: "old", leaves: "old", outcome: ingest.OutcomeVanished},
		"no deletion":                   {source: gone, seenAt: here, holds: "old", leaves: "old", outcome: ingest.OutcomeVanished},
		"under a key":                   {source: gone, seenAt: here, operation: "delete", yaml: `key: ${! metadata("ingest_name") }`, holds: "old", leaves: "old", says: "field key"},
		"the destination does not obey": {source: gone, seenAt: here, operation: "delete", holds: "old", leaves: "old", fails: errors.New("locked"), says: "locked"},
	} {
		t.Run(name, func(t *testing.T) {
			dest := &erasable{memory: newMemory(), fails: tc.fails}
			dest.location = here
			if tc.holds != "" {
				dest.objects["name"] = tc.holds
			}
			msg := deletion(tc.source(), tc.operation, tc.seenAt)
			receipts := ingest.CollectReceipts(msg)
			err := newStore(t, dest, tc.yaml).Write(testContext(t), msg)
			assert.Equal(t, tc.leaves, dest.objects["name"])
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				assert.Empty(t, receipts.All())
				return
			}
			require.NoError(t, err)
			require.Len(t, receipts.All(), 1)
			assert.Equal(t, tc.outcome, receipts.All()[0].Outcome)
			if tc.outcome == ingest.OutcomeDeleted {
				require.Len(t, dest.deleted, 1)
				assert.Equal(t, digest(tc.holds), dest.deleted[0].MD5, "what was looked at is what goes")
				assert.False(t, receipts.All()[0].Proves())
			}
		})
	}
}

func deletion(source ingest.Client, operation, seenAt string) *service.Message {
	msg := carrying(source)
	if operation != "" {
		msg.MetaSetMut(ingest.MetaOperation, operation)
	}
	if seenAt != "" {
		msg.MetaSetMut(ingest.MetaDeleteAt, ingest.AbsenceToken("x")+","+ingest.AbsenceToken(seenAt+"name"))
	}
	return msg
}

// A destination that cannot delete keeps what it has.
func TestDeletionWhereNothingCanBeDeleted(t *testing.T) {
	dest, src := newMemory(), newClient("new")
	dest.location, dest.objects["name"], src.gone = "memory://there/", "old", true
	require.NoError(t, newStore(t, dest, "").Write(testContext(t), deletion(src, "delete", dest.location)))
	assert.Equal(t, "old", dest.objects["name"])
}

// Whoever cleans up has only the copies left.
func TestFanOutThatCleansUpDeletesNothing(t *testing.T) {
	dest, src := &erasable{memory: newMemory()}, newClient("new")
	dest.location, dest.objects["name"], src.gone = "memory://there/", "old", true
	f := newTestFanOut(t, "clean_up: true\n", "", dest)
	err := f.WriteBatch(testContext(t), service.MessageBatch{deletion(src, "delete", dest.location)})
	require.ErrorContains(t, err, "clean_up")
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
	assert.Equal(t, "old", dest.objects["name"])
}
