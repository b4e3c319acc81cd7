package drive

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// knownIDs is how many names are remembered that no file was made for.
const knownIDs = 4096

// ids gives IDs to files and folders before they are made. Whoever makes a file of
// the same name in the same folder, also at the same time or after a failure, gets
// the same ID, with which Drive makes no second file.
type ids struct {
	generate func(ctx context.Context) ([]string, error)
	reserved *lru.Cache[string, string]

	mu   sync.Mutex
	free []string
}

func newIDs(generate func(ctx context.Context) ([]string, error)) (*ids, error) {
	reserved, err := lru.New[string, string](knownIDs)
	return &ids{generate: generate, reserved: reserved}, err
}

func (i *ids) reserve(ctx context.Context, parent, name string) (string, error) {
	key := parent + "/" + name
	if id, ok := i.reserved.Get(key); ok {
		return id, nil
	}
	id, err := i.next(ctx)
	if err != nil {
		return "", err
	}
	if first, ok, _ := i.reserved.PeekOrAdd(key, id); ok {
		i.giveBack(id)
		return first, nil
	}
	return id, nil
}

// release ends a reservation: the ID is taken, or is not to be used again.
func (i *ids) release(parent, name string) { i.reserved.Remove(parent + "/" + name) }

func (i *ids) next(ctx context.Context) (string, error) {
	if id, ok := i.pop(); ok {
		return id, nil
	}
	fresh, err := i.generate(ctx)
	if err != nil {
		return "", err
	}
	i.giveBack(fresh[1:]...)
	return fresh[0], nil
}

func (i *ids) pop() (id string, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.free) == 0 {
		return "", false
	}
	last := len(i.free) - 1
	id, i.free = i.free[last], i.free[:last]
	return id, true
}

func (i *ids) giveBack(ids ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free = append(i.free, ids...)
}
