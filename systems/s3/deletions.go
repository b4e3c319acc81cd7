package s3

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ingest-bundle/ingest"
)

// deletions holds back what destinations have and the source has not, until the
// scan has come to its end without a doubt.
type deletions struct {
	// prefix is the source's.
	prefix string
	limit  int

	// found has the tokens of the destinations, by name.
	found map[string][]string
	// doubt says why nothing may be deleted.
	doubt error
	// settled says that ready has what is to be deleted.
	settled bool
	ready   []string
}

func (d *deletions) reset() { *d = deletions{prefix: d.prefix, limit: d.limit} }

// add notes what a destination has and the source has not. Folder markers stay:
// some servers have them where there are objects beneath.
func (d *deletions) add(e *entry, token string) {
	if d.doubt != nil || e.name == "" || (e.size == 0 && strings.HasSuffix(e.name, "/")) {
		return
	}
	if d.found == nil {
		d.found = map[string][]string{}
	}
	d.found[e.name] = append(d.found[e.name], token)
	if len(d.found) > d.limit {
		d.stop(fmt.Errorf("destinations have more than %d objects that the source has not: see field %s", d.limit, fieldMaxDelete))
	}
}

// stop makes this scan delete nothing.
func (d *deletions) stop(why error) {
	d.doubt = errors.Join(d.doubt, why)
	d.found = nil
}

// settle decides, at the end of the scan.
func (d *deletions) settle(sourceIsEmpty bool) error {
	if sourceIsEmpty && len(d.found) > 0 {
		d.stop(errors.New("the source has nothing at all, which more often is a mistake"))
	}
	d.settled = true
	if d.doubt != nil {
		return ingest.LeftOut(fmt.Errorf("nothing is deleted at the destinations: %w", d.doubt))
	}
	d.ready = slices.Sorted(maps.Keys(d.found))
	return nil
}

// next returns the next element that is to be deleted, with its hints, or nil.
func (d *deletions) next() (*ingest.Codec, map[string]string) {
	if len(d.ready) == 0 {
		return nil, nil
	}
	name := d.ready[0]
	d.ready = d.ready[1:]
	codec := ingest.NewCodec(d.prefix+name, name, nil)
	return &codec, map[string]string{
		ingest.MetaOperation: ingest.OperationDelete,
		ingest.MetaDeleteAt:  strings.Join(d.found[name], ","),
	}
}
