package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// names is a cursor over given entries. Errors come once each, before the entry at
// their place.
type names struct {
	entries []entry
	errs    map[int]error
	at      int
	closed  bool
}

func (n *names) reset() { n.at, n.closed = 0, false }
func (n *names) close() { n.closed = true }

func (n *names) next(context.Context) (entry, error) {
	if err := n.errs[n.at]; err != nil {
		delete(n.errs, n.at)
		return entry{}, err
	}
	if n.at == len(n.entries) {
		return entry{}, io.EOF
	}
	n.at++
	return n.entries[n.at-1], nil
}

// holding returns a cursor over contents by name, in the order of S3.
func holding(contents map[string]string) *names {
	n := &names{errs: map[int]error{}}
	for name, content := range contents {
		n.entries = append(n.entries, entry{key: "p/" + name, name: name, size: int64(len(content)), etag: md5Hex(content)})
	}
	slices.SortFunc(n.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return n
}

func comparing(source *names, dests ...*names) *changes {
	c := &changes{source: source, proves: provesWith(compareETag, false), log: service.MockResources().Logger()}
	for i, d := range dests {
		c.targets = append(c.targets, &target{cursor: d, location: locationOf(i)})
	}
	c.reset()
	return c
}

func md5Hex(content string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(content))) //nolint:gosec // an ETag
}

func locationOf(dest int) string { return fmt.Sprintf("s3://dest-%d/", dest) }

// drain returns what is emitted: by name, the destinations that are said to hold
// nothing.
func drain(t *testing.T, c *changes, failures int) map[string][]int {
	t.Helper()
	found := map[string][]int{}
	for {
		codec, obj, err := c.next(t.Context())
		if err != nil && failures > 0 {
			failures--
			continue
		}
		if err == io.EOF { //nolint:errorlint // as in the code
			return found
		}
		require.NoError(t, err)
		require.NotContains(t, found, codec.Name, "it comes twice")
		require.Equal(t, "p/"+codec.Name, codec.ID)
		require.NotNil(t, obj)
		absent := []int{}
		if hint := c.hints[ingest.MetaAbsent]; hint != "" {
			for _, token := range strings.Split(hint, ",") {
				i := slices.IndexFunc(c.targets, func(t *target) bool { return t.token(codec.Name) == token })
				require.GreaterOrEqual(t, i, 0, "a token of no destination")
				absent = append(absent, i)
			}
		}
		found[codec.Name] = absent
	}
}

// wanted is the same by looking everything up.
func wanted(source map[string]string, dests ...map[string]string) map[string][]int {
	want := map[string][]int{}
	for name, content := range source {
		same, absent := true, []int{}
		for i, d := range dests {
			held, ok := d[name]
			if !ok {
				absent = append(absent, i)
			}
			same = same && ok && held == content
		}
		if !same {
			want[name] = absent
		}
	}
	return want
}

// Random sets of names, of which some are beginnings of others and some hold bytes
// on either side of a slash, against looking every name up.
func TestChangesAgainstLookingEverythingUp(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	set := func() map[string]string {
		m := map[string]string{}
		for range random.IntN(40) {
			var name strings.Builder
			for range 1 + random.IntN(4) {
				name.WriteString([]string{"a", "b", "/", "-", "0", "é", "\U0001F600", "\uffff"}[random.IntN(8)])
			}
			m[name.String()] = []string{"x", "y", "zz"}[random.IntN(3)]
		}
		return m
	}
	for round := range 3000 {
		source := set()
		dests := make([]map[string]string, 1+random.IntN(3))
		var cursors []*names
		failures := 0
		fail := func(n *names) {
			if random.IntN(3) == 0 {
				n.errs[random.IntN(len(n.entries)+1)] = ingest.Outage(io.ErrUnexpectedEOF)
			}
		}
		for i := range dests {
			// Much is the same on both sides.
			dests[i] = set()
			for name, content := range source {
				if random.IntN(2) == 0 {
					dests[i][name] = content
				}
			}
			cursors = append(cursors, holding(dests[i]))
			fail(cursors[i])
			failures += len(cursors[i].errs)
		}
		from := holding(source)
		fail(from)
		failures += len(from.errs)
		c := comparing(from, cursors...)
		want := wanted(source, dests...)
		require.Equal(t, want, drain(t, c, failures), "round %d", round)
		require.EqualValues(t, len(source)-len(want), c.unchanged)
	}
}

// A destination that fails never makes an element be left out.
func TestChangesAfterAFailure(t *testing.T) {
	content := map[string]string{"a": "x", "b": "y", "c": "z"}
	from, to := holding(content), holding(map[string]string{"b": "y"})
	to.errs[0] = ingest.Outage(errors.New("down"))
	c := comparing(from, to)
	_, _, err := c.next(t.Context())
	require.ErrorIs(t, err, ingest.ErrOutage)
	require.ErrorContains(t, err, "dest-0")
	assert.Equal(t, map[string][]int{"a": {0}, "c": {0}}, drain(t, c, 0))
	assert.True(t, to.closed, "nothing is read ahead after the end")

	c.reset()
	assert.Equal(t, map[string][]int{"a": {0}, "c": {0}}, drain(t, c, 0), "the next scan starts over")
	assert.EqualValues(t, 1, c.unchanged)
}

// Nothing is taken for absent, and nothing for unchanged, once a server was seen not
// to sort.
func TestChangesOfWhatIsNotSorted(t *testing.T) {
	content := map[string]string{"a": "x", "b": "y", "c": "z", "d": "x"}
	shuffled := func() *names {
		n := holding(content)
		n.entries = []entry{n.entries[0], n.entries[2], n.entries[1], n.entries[3]}
		return n
	}
	t.Run("at a destination", func(t *testing.T) {
		other := holding(content)
		assert.Equal(t, map[string][]int{"b": {0}, "d": {}}, drain(t, comparing(holding(content), shuffled(), other), 0))
	})
	t.Run("at the source", func(t *testing.T) {
		assert.Equal(t, map[string][]int{"b": {}, "d": {}}, drain(t, comparing(shuffled(), holding(content)), 0))
	})
	t.Run("twice the same", func(t *testing.T) {
		twice := holding(content)
		twice.entries = slices.Insert(twice.entries, 1, twice.entries[0])
		assert.Equal(t, map[string][]int{"b": {}, "c": {}, "d": {}}, drain(t, comparing(holding(content), twice), 0))
	})
}

func TestProvesWith(t *testing.T) {
	const tag, other = "900150983cd24fb0d6963f7d28e17f72", "e2fc714c4727ee9395f324cd2e7f331f"
	at := func(ms int64) time.Time { return time.UnixMilli(1e12 + ms) }
	for name, tc := range map[string]struct {
		src, held           entry
		etag, mtime, opaque bool
	}{
		"equal":                        {entry{size: 3, etag: tag}, entry{size: 3, etag: tag}, true, true, false},
		"other size":                   {entry{size: 3, etag: tag}, entry{size: 4, etag: tag, modTime: at(5000)}, false, false, false},
		"other tag":                    {entry{size: 3, etag: tag}, entry{size: 3, etag: other}, false, false, false},
		"equal multipart tags":         {entry{size: 3, etag: tag + "-2"}, entry{size: 3, etag: tag + "-2"}, true, true, false},
		"other parts":                  {entry{size: 3, etag: tag + "-2"}, entry{size: 3, etag: tag + "-3"}, false, false, false},
		"equal tags, no digests":       {entry{size: 3, etag: "1"}, entry{size: 3, etag: "1"}, false, false, false},
		"no tags":                      {entry{size: 3}, entry{size: 3}, false, false, false},
		"newer copy":                   {entry{size: 3, etag: tag, modTime: at(0)}, entry{size: 3, etag: other, modTime: at(1000)}, false, true, true},
		"older copy":                   {entry{size: 3, etag: tag, modTime: at(1000)}, entry{size: 3, etag: other, modTime: at(0)}, false, false, false},
		"newer within the same second": {entry{size: 3, etag: tag, modTime: at(100)}, entry{size: 3, etag: other, modTime: at(900)}, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.etag, provesWith(compareETag, false)(&tc.src, &tc.held), "by ETags")
			assert.Equal(t, tc.mtime, provesWith(compareSizeMtime, false)(&tc.src, &tc.held), "by times")
			assert.False(t, provesWith(compareETag, true)(&tc.src, &tc.held), "by opaque ETags")
			assert.Equal(t, tc.opaque, provesWith(compareSizeMtime, true)(&tc.src, &tc.held), "by times, opaque")
		})
	}
}
