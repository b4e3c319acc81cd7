package outputs

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a content's digest, no secret
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func digest(content string) []byte {
	sum := md5.Sum([]byte(content)) //nolint:gosec // as above
	return sum[:]
}

// memory is a destination. Its fields change what it does.
type memory struct {
	mu         sync.Mutex
	objects    map[string]string
	versions   map[string]string
	stores     int
	stats      int
	confirmed  []string
	err        error
	unverified bool
	silent     bool
	location   string
	onStore    func()
}

func newMemory() *memory {
	return &memory{objects: map[string]string{}, versions: map[string]string{}}
}

func (m *memory) Location(codec ingest.Codec) string {
	if m.location == "" {
		return ""
	}
	return m.location + codec.Name
}

func (m *memory) Confirm(_ context.Context, codec ingest.Codec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.confirmed = append(m.confirmed, codec.Name)
	return nil
}

func (m *memory) Stat(_ context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats++
	content, ok := m.objects[codec.Name]
	if !ok {
		return nil, ingest.ErrNotFound
	}
	return &ingest.Stored{URI: "memory://" + codec.Name, Len: int64(len(content)), MD5: digest(content), SourceVersion: m.versions[codec.Name]}, nil
}

func (m *memory) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	if m.onStore != nil {
		m.onStore()
	}
	content, err := io.ReadAll(obj.Reader)
	if err = errors.Join(err, m.err, ctx.Err()); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stores++
	m.objects[codec.Name] = string(content)
	if m.silent {
		return nil, nil
	}
	return &ingest.Stored{URI: "memory://" + codec.Name, Len: int64(len(content)), MD5: digest(string(content)), Verified: !m.unverified}, nil
}

func (m *memory) get(name string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.objects[name]
	return content, ok
}

// client is a source of one object with versions.
type client struct {
	mu       sync.Mutex
	obj      ingest.Object
	content  string
	gone     bool
	opens    int
	cleaned  int
	location string
}

func newClient(content string) *client {
	return &client{content: content, obj: ingest.Object{Len: int64(len(content)), ETag: fmt.Sprintf("%x", digest(content)), MD5: digest(content)}}
}

func (c *client) change(content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.obj, c.content = newClient(content).obj, content
}

func (c *client) Location(ingest.Codec) string { return c.location }

func (c *client) Stat(context.Context, ingest.Codec) (*ingest.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, ingest.ErrNotFound
	}
	obj := c.obj
	return &obj, nil
}

func (c *client) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	obj, err := c.Stat(ctx, codec)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens++
	obj.Reader = bytes.NewReader([]byte(c.content))
	return obj, nil
}

func (c *client) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := c.Download(ctx, codec)
	if err == nil && !obj.SameVersion(version) {
		return nil, ingest.ErrChanged
	}
	return obj, err
}

func (c *client) CleanUp(context.Context, ingest.Codec) error {
	return errors.New("the version is known, so it must be given")
}

func (c *client) CleanUpVersion(_ context.Context, _ ingest.Codec, version *ingest.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.obj.SameVersion(version) {
		return ingest.ErrChanged
	}
	c.cleaned++
	return nil
}

// carrying is a message as the fetch processor leaves it.
func carrying(c ingest.Client) *service.Message {
	codec := ingest.NewCodec("id", "name", nil)
	data, _ := codec.Marshal()
	msg := service.NewMessage(data)
	msg.MetaSetMut(ingest.MetaName, "name")
	ingest.Attach(msg, ingest.NewHandle(c, codec))
	return msg
}

func newStore(t *testing.T, dest ingest.Destination, yaml string) *Store {
	t.Helper()
	conf, err := service.NewConfigSpec().Fields(StoreFields()...).ParseYAML(yaml, service.GlobalEnvironment())
	require.NoError(t, err)
	s, _, err := NewStore(dest, conf, service.MockResources())
	require.NoError(t, err)
	require.NoError(t, s.Connect(t.Context()))
	return s
}
