package outputs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// bucket is a source of one object, in a bucket that may be a destination, too.
type bucket struct {
	*client
	location string
	prefix   string
	is       *memory
	fails    error
}

func (b *bucket) Location(codec ingest.Codec) string { return b.location + codec.ID }

func (b *bucket) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	if codec.ID == "id" {
		return b.client.Stat(ctx, codec)
	}
	if b.fails != nil {
		return nil, b.fails
	}
	if b.is == nil {
		return nil, ingest.ErrNotFound
	}
	if _, ok := b.is.get(strings.TrimPrefix(codec.ID, b.prefix)); !ok {
		return nil, ingest.ErrNotFound
	}
	return &ingest.Object{}, nil
}

// A destination that is the source under another name is noticed before an object is
// stored there, whatever the prefix, and a probe is what it costs.
func TestAliases(t *testing.T) {
	const source = "s3://127.0.0.1/bucket/"
	denied := ingest.Misconfigured(errors.New("denied"))
	for name, tc := range map[string]struct {
		at           string
		one          bool
		cannotStore  error
		cannotLook   error
		cannotDelete error
		probes       int
		left         int
		says         string
		fallsBack    bool
	}{
		"one bucket":                      {at: "s3://localhost/bucket/", one: true, probes: 1, says: "the source itself"},
		"one bucket, a prefix":            {at: "s3://localhost/bucket/copy/", one: true, probes: 1, says: "the source itself"},
		"one bucket, the probe stays":     {at: "s3://localhost/bucket/", one: true, cannotDelete: denied, probes: 1, left: 1, says: "the source itself"},
		"two servers":                     {at: "s3://localhost/bucket/", probes: 1},
		"two servers, the probe stays":    {at: "s3://localhost/bucket/", cannotDelete: denied, probes: 1, left: 1},
		"two buckets":                     {at: "s3://localhost/other/", fallsBack: true},
		"one name":                        {at: "s3://127.0.0.1/bucket/copy/", fallsBack: true},
		"the source does not tell":        {at: "s3://localhost/bucket/", cannotLook: errors.New("denied"), probes: 1, fallsBack: true},
		"the probe is denied":             {at: "s3://localhost/bucket/", cannotStore: denied, fallsBack: true},
		"the source's server is down":     {at: "s3://localhost/bucket/", cannotLook: ingest.Outage(errors.New("no answer")), probes: 2, says: "no answer"},
		"the destination's storage fails": {at: "s3://localhost/bucket/", cannotStore: ingest.Outage(errors.New("no answer")), says: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			dest := &erasable{memory: newMemory(), fails: tc.cannotDelete}
			dest.location, dest.err = tc.at, tc.cannotStore
			src := &bucket{client: newClient("new"), location: source, fails: tc.cannotLook}
			if tc.one {
				src.is, src.prefix = dest.memory, strings.TrimPrefix(tc.at, "s3://localhost/bucket/")
			}
			s := newStore(t, dest, "")
			for range 2 {
				handle := ingest.NewHandle(src, ingest.NewCodec("id", "name", nil))
				apart, err := s.aliases.apart(testContext(t), handle)
				assert.Equal(t, tc.says == "" && !tc.fallsBack, apart)
				if tc.says == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, tc.says)
				}
			}
			assert.Equal(t, tc.probes, dest.stores)
			assert.Len(t, dest.objects, tc.left)
		})
	}
}

// Whatever is stored at once, one probe is enough, and no object is touched.
func TestAliasesOfManyObjects(t *testing.T) {
	dest := &erasable{memory: newMemory()}
	dest.location = "s3://localhost/bucket/"
	src := &bucket{client: newClient("new"), location: "s3://127.0.0.1/bucket/", is: dest.memory}
	s := newStore(t, dest, "overwrite: always")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			err := s.Write(testContext(t), carrying(src))
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), "%v", err)
		})
	}
	wg.Wait()
	assert.Equal(t, 1, dest.stores)
	assert.Empty(t, dest.objects)
	assert.Zero(t, src.opens)
}

// Where no probe can be stored, an object is stored, and the source's time tells.
func TestNamesakes(t *testing.T) {
	for name, one := range map[string]bool{"one bucket": true, "two servers": false} {
		t.Run(name, func(t *testing.T) {
			dest, src := newMemory(), newClient("new")
			dest.location, src.location = "s3://localhost/bucket/", "s3://127.0.0.1/bucket/name"
			src.obj.ETag = ""
			dest.objects["name"] = "new"
			dest.onStore = func() {
				if one {
					src.mu.Lock()
					defer src.mu.Unlock()
					src.obj.ModTime = src.obj.ModTime.Add(timeOfObjects)
				}
			}
			err := newStore(t, dest, "").Write(testContext(t), carrying(src))
			assert.Equal(t, 1, dest.stores)
			if one {
				require.ErrorContains(t, err, "the destination is the source itself")
				assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			} else {
				require.NoError(t, err)
			}
		})
	}
}
