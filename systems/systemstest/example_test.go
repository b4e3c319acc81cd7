package systemstest_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a content's digest, no secret
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems/systemstest"
)

// memory is a system of a third party: a source and a destination in one.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	left    []string
}

func newMemory(objects map[string][]byte) *memory {
	m := &memory{objects: map[string][]byte{}}
	maps.Copy(m.objects, objects)
	return m
}

func (m *memory) Reset(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = slices.Sorted(maps.Keys(m.objects))
	return nil
}

func (m *memory) Next(ctx context.Context) (*ingest.Codec, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.left) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(m.left[0], m.left[0], nil)
	m.left = m.left[1:]
	return &codec, nil
}

func digest(content []byte) []byte {
	sum := md5.Sum(content) //nolint:gosec // as above
	return sum[:]
}

func (m *memory) get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.objects[name]
	if !ok {
		return nil, ingest.NotFound(errors.New("there is no " + name))
	}
	return content, nil
}

func (m *memory) describe(content []byte) *ingest.Object {
	return &ingest.Object{Len: int64(len(content)), ETag: hex.EncodeToString(digest(content)), MD5: digest(content)}
}

func (m *memory) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	content, err := m.get(ctx, codec.ID)
	if err != nil {
		return nil, err
	}
	obj := m.describe(content)
	obj.Reader = bytes.NewReader(content)
	return obj, nil
}

func (m *memory) CleanUp(ctx context.Context, codec ingest.Codec) error {
	m.put(codec.ID, nil)
	return ctx.Err()
}

func (m *memory) put(name string, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if content == nil {
		delete(m.objects, name)
		return
	}
	m.objects[name] = content
}

func (m *memory) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	content, err := m.get(ctx, codec.Name)
	if err != nil {
		return nil, err
	}
	return &ingest.Stored{URI: "memory://" + codec.Name, Len: int64(len(content)), MD5: digest(content)}, nil
}

func (m *memory) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	content, err := io.ReadAll(obj.Reader)
	if err != nil {
		return nil, err
	}
	if obj.Len >= 0 && int64(len(content)) != obj.Len {
		return nil, io.ErrUnexpectedEOF
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.put(codec.Name, content)
	stored, err := m.Stat(ctx, codec)
	if err == nil {
		stored.Verified = true
	}
	return stored, err
}

// versioned is a memory whose source side tells versions apart. Stat of a source
// and of a destination differ, so it is a type of its own.
type versioned struct{ *memory }

func (v versioned) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	content, err := v.get(ctx, codec.ID)
	if err != nil {
		return nil, err
	}
	return v.describe(content), nil
}

func (v versioned) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := v.Download(ctx, codec)
	if err == nil && !obj.SameVersion(version) {
		return nil, ingest.ErrChanged
	}
	return obj, err
}

func (v versioned) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	now, err := v.Stat(ctx, codec)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !now.SameVersion(version):
		return ingest.ErrChanged
	}
	return v.CleanUp(ctx, codec)
}

func TestMemory(t *testing.T) {
	nonNil := func(objects map[string][]byte) map[string][]byte {
		for name, content := range objects {
			objects[name] = append([]byte{}, content...)
		}
		return objects
	}
	t.Run("source", func(t *testing.T) {
		systemstest.TestSource(t, func(_ *testing.T, objects map[string][]byte) ingest.Source {
			return newMemory(nonNil(objects))
		})
	})
	t.Run("versioned source", func(t *testing.T) {
		systemstest.TestSource(t, func(_ *testing.T, objects map[string][]byte) ingest.Source {
			return versioned{newMemory(nonNil(objects))}
		}, systemstest.WithChange(func(_ *testing.T, source ingest.Source, id string, content []byte) {
			source.(versioned).put(id, content)
		}))
	})
	t.Run("destination", func(t *testing.T) {
		systemstest.TestDestination(t, func(*testing.T) ingest.Destination { return newMemory(nil) })
	})
}

// The tests of a third party's system, in its own _test.go file.
func ExampleTestSource() {
	_ = func(t *testing.T) { // TestMySource
		systemstest.TestSource(t, func(_ *testing.T, objects map[string][]byte) ingest.Source {
			return versioned{newMemory(objects)}
		}, systemstest.WithChange(func(_ *testing.T, source ingest.Source, id string, content []byte) {
			source.(versioned).put(id, content)
		}))
	}
	// Output:
}

func ExampleTestDestination() {
	_ = func(t *testing.T) { // TestMySource
		systemstest.TestDestination(t, func(*testing.T) ingest.Destination { return newMemory(nil) })
	}
	// Output:
}
