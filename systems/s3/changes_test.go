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

// result is what a scan emits: by name, the destinations that are said to hold
// nothing, or from which the element is to be deleted.
type result struct {
	moved, deleted map[string][]int
	leftOut        string
}

// drain goes through a scan.
func drain(t *testing.T, c *changes, failures int) result {
	t.Helper()
	r := result{moved: map[string][]int{}, deleted: map[string][]int{}}
	for {
		codec, obj, err := c.next(t.Context())
		if errors.Is(err, ingest.ErrLeftOut) {
			require.Empty(t, r.leftOut, "it is said once")
			r.leftOut = err.Error()
			continue
		}
		if err != nil && failures > 0 {
			failures--
			continue
		}
		if err == io.EOF { //nolint:errorlint // as in the code
			return r
		}
		require.NoError(t, err)
		require.Equal(t, "p/"+codec.Name, codec.ID)
		into, hint := r.moved, c.hints[ingest.MetaAbsent]
		if ingest.IsDeletion(func(key string) (string, bool) { v, ok := c.hints[key]; return v, ok }) {
			into, hint = r.deleted, c.hints[ingest.MetaDeleteAt]
			require.Nil(t, obj)
		} else {
			require.NotNil(t, obj)
			require.Empty(t, r.deleted, "deletions come last")
		}
		require.NotContains(t, into, codec.Name, "it comes twice")
		into[codec.Name] = destinations(t, c, codec.Name, hint)
	}
}

// destinations returns what the tokens of a hint stand for.
func destinations(t *testing.T, c *changes, name, hint string) []int {
	t.Helper()
	found := []int{}
	if hint == "" {
		return found
	}
	for _, token := range strings.Split(hint, ",") {
		i := slices.IndexFunc(c.targets, func(t *target) bool { return t.token(name) == token })
		require.GreaterOrEqual(t, i, 0, "a token of no destination")
		found = append(found, i)
	}
	slices.Sort(found)
	return found
}

// wanted is the same by looking everything up.
func wanted(source map[string]string, dests ...map[string]string) result {
	want := result{moved: map[string][]int{}, deleted: map[string][]int{}}
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
			want.moved[name] = absent
		}
	}
	for i, d := range dests {
		for name := range d {
			if _, ok := source[name]; !ok {
				want.deleted[name] = append(want.deleted[name], i)
			}
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
		limit := 1 + random.IntN(60)
		c.deletions = &deletions{prefix: "p/", limit: limit}
		found := drain(t, c, failures)
		require.Equal(t, want.moved, found.moved, "round %d", round)
		require.EqualValues(t, len(source)-len(want.moved), c.unchanged)
		switch {
		case failures > 0, len(want.deleted) > limit, len(source) == 0 && len(want.deleted) > 0:
			require.Empty(t, found.deleted, "round %d", round)
			require.Contains(t, found.leftOut, "nothing is deleted", "round %d", round)
		default:
			require.Equal(t, want.deleted, found.deleted, "round %d", round)
			require.Empty(t, found.leftOut, "round %d", round)
		}
	}
}

// What nothing was seen to doubt is deleted, and nothing else.
func TestDeletionsInDoubt(t *testing.T) {
	source, dest := map[string]string{"a": "x", "c": "z"}, map[string]string{"a": "x", "b": "y", "c": "z", "d": "x"}
	deleting := func(from, to *names, limit int) result {
		c := comparing(from, to)
		c.deletions = &deletions{prefix: "p/", limit: limit}
		return drain(t, c, len(from.errs)+len(to.errs))
	}
	failing := func(at int) *names {
		n := holding(source)
		n.errs[at] = ingest.Outage(errors.New("down"))
		return n
	}
	unsorted := holding(dest)
	slices.Reverse(unsorted.entries)
	markers := holding(map[string]string{"a": "x", "c": "z", "folder/": "", "": "x"})
	for name, tc := range map[string]struct {
		from, to *names
		limit    int
		says     string
	}{
		"no doubt":                        {holding(source), holding(dest), 2, ""},
		"too many":                        {holding(source), holding(dest), 1, "more than 1 objects"},
		"the source failed at first":      {failing(0), holding(dest), 2, "down"},
		"the source failed at the end":    {failing(2), holding(dest), 2, "down"},
		"the destination failed":          {holding(source), func() *names { n := holding(dest); n.errs[4] = errors.New("cut"); return n }(), 2, "cut"},
		"the destination is not sorted":   {holding(source), unsorted, 2, "not sorted"},
		"the source shows nothing at all": {holding(nil), holding(dest), 10, "nothing at all"},
	} {
		t.Run(name, func(t *testing.T) {
			found := deleting(tc.from, tc.to, tc.limit)
			if tc.says == "" {
				assert.Equal(t, map[string][]int{"b": {0}, "d": {0}}, found.deleted)
				assert.Empty(t, found.leftOut)
				return
			}
			assert.Empty(t, found.deleted)
			assert.Contains(t, found.leftOut, tc.says)
		})
	}
	assert.Empty(t, deleting(holding(source), markers, 2).deleted, "folder markers stay")
	assert.Empty(t, deleting(holding(nil), holding(nil), 2).leftOut, "nothing to delete is no doubt")
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
	assert.Equal(t, map[string][]int{"a": {0}, "c": {0}}, drain(t, c, 0).moved)
	assert.True(t, to.closed, "nothing is read ahead after the end")

	c.reset()
	assert.Equal(t, map[string][]int{"a": {0}, "c": {0}}, drain(t, c, 0).moved, "the next scan starts over")
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
		assert.Equal(t, map[string][]int{"b": {0}, "d": {}}, drain(t, comparing(holding(content), shuffled(), other), 0).moved)
	})
	t.Run("at the source", func(t *testing.T) {
		assert.Equal(t, map[string][]int{"b": {}, "d": {}}, drain(t, comparing(shuffled(), holding(content)), 0).moved)
	})
	t.Run("twice the same", func(t *testing.T) {
		twice := holding(content)
		twice.entries = slices.Insert(twice.entries, 1, twice.entries[0])
		assert.Equal(t, map[string][]int{"b": {}, "c": {}, "d": {}}, drain(t, comparing(holding(content), twice), 0).moved)
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
