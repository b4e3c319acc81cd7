package queue

import (
	"context"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// Opener opens the queue that somebody works with, and closes in the end. A Config
// is one, and Opened makes one of a queue that is there already.
type Opener interface {
	// Open fails as the function Open does.
	Open(context.Context, *service.Resources) (ingest.Queue, error)
}

// Open implements Opener.
func (c Config) Open(ctx context.Context, res *service.Resources) (ingest.Queue, error) {
	q, err := Open(ctx, c, res)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// NameOf tells the queue of one subject from any other, also from one of the same
// name on another server, whatever that server is called; and says where it is. Both
// are empty for a queue that is none of this package.
func NameOf(q ingest.Queue) (name, where string) {
	ours, ok := q.(*Queue)
	if !ok {
		return "", ""
	}
	created := ours.work.CachedInfo().Created.UnixNano()
	return fmt.Sprintf("%d/%s/%s", created, ours.cfg.Stream, ours.cfg.Subject), ours.cfg.Where()
}

// Opened returns an Opener for a queue that is open, and stays open until whoever
// opened it closes it.
func Opened(q ingest.Queue) Opener { return opened{q} }

type opened struct{ ingest.Queue }

func (o opened) Open(context.Context, *service.Resources) (ingest.Queue, error) { return o, nil }

func (opened) Close() error { return nil }
