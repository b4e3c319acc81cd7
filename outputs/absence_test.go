package outputs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// What the scan saw to be absent is stored without a look, and only that.
func TestKnownAbsence(t *testing.T) {
	const here, elsewhere = "memory://there/", "memory://elsewhere/"
	for name, tc := range map[string]struct {
		absentAt, yaml, source, deliveries string
		held                               string
		stats                              int
		after                              string
	}{
		"absent":                      {absentAt: here, stats: 0, after: "new"},
		"absent, first delivery":      {absentAt: here, deliveries: "1", stats: 0, after: "new"},
		"not known":                   {stats: 1, after: "new"},
		"absent elsewhere":            {absentAt: elsewhere, stats: 1, after: "new"},
		"absent, delivered again":     {absentAt: here, deliveries: "2", stats: 1, after: "new"},
		"absent, under another name":  {absentAt: here, yaml: "key: other", stats: 1},
		"absent, never to overwrite":  {absentAt: here, yaml: "overwrite: never", held: "old", stats: 1, after: "old"},
		"absent, maybe the same file": {absentAt: here, source: "memory://alias/name", stats: 1, after: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("new")
			dest.location, src.location = here, tc.source
			if tc.held != "" {
				dest.objects["name"] = tc.held
			}
			msg := carrying(src)
			if tc.absentAt != "" {
				msg.MetaSetMut(ingest.MetaAbsent, ingest.AbsenceToken(elsewhere+"x")+","+ingest.AbsenceToken(tc.absentAt+"name"))
			}
			if tc.deliveries != "" {
				msg.MetaSetMut(ingest.MetaDeliveries, tc.deliveries)
			}
			require.NoError(t, newStore(t, dest, tc.yaml).Write(testContext(t), msg))
			assert.Equal(t, tc.stats, dest.stats)
			assert.Equal(t, tc.after, dest.objects["name"])
		})
	}
}
