package ingest_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// plainClient is a Client that cannot tell versions apart by itself.
type plainClient struct {
	mu       sync.Mutex
	content  string
	etag     string
	err      error
	downs    int
	closed   int
	cleanUps int
}

func (c *plainClient) set(content, etag string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.content, c.etag = content, etag
}

type closer struct {
	io.Reader
	close func()
}

func (c *closer) Close() error { c.close(); return nil }

func (c *plainClient) Download(context.Context, ingest.Codec) (*ingest.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.downs++
	if c.err != nil {
		return nil, c.err
	}
	body := &closer{strings.NewReader(c.content), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closed++
	}}
	return &ingest.Object{Len: int64(len(c.content)), ETag: c.etag, Reader: body}, nil
}

func (c *plainClient) CleanUp(context.Context, ingest.Codec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleanUps++
	return c.err
}

// versionedClient is a plainClient that can tell versions apart.
type versionedClient struct {
	plainClient
	stats   int
	cleaned []string
}

func (c *versionedClient) Stat(context.Context, ingest.Codec) (*ingest.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats++
	if c.err != nil {
		return nil, c.err
	}
	return &ingest.Object{Len: int64(len(c.content)), ETag: c.etag}, nil
}

func (c *versionedClient) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := c.Download(ctx, codec)
	if err == nil && obj.ETag != version.ETag {
		return nil, ingest.ErrChanged
	}
	return obj, err
}

func (c *versionedClient) CleanUpVersion(_ context.Context, _ ingest.Codec, version *ingest.Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.etag != version.ETag {
		return ingest.ErrChanged
	}
	c.cleaned = append(c.cleaned, version.ETag)
	return nil
}

var element = ingest.NewCodec("a", "a", nil)

func content(t *testing.T, obj *ingest.Object) string {
	t.Helper()
	b, err := io.ReadAll(obj.Reader)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	return string(b)
}

func TestHandleOpensNothingByItself(t *testing.T) {
	client := &versionedClient{}
	h := ingest.NewHandle(client, element)
	ingest.Attach(service.NewMessage(nil), h)
	assert.Equal(t, element, h.Codec())
	assert.Empty(t, h.Location(), "the source does not tell")
	assert.Zero(t, client.downs+client.stats)
}

func TestHandleNeighbour(t *testing.T) {
	client := &versionedClient{}
	client.set("one", "v1")
	h := ingest.NewHandle(client, element)
	neighbour := h.Neighbour(ingest.NewCodec("b", "b", nil))
	assert.Equal(t, "b", neighbour.Codec().ID)
	_, err := neighbour.Stat(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, client.stats, "it asks the same source")
	require.Error(t, h.CleanUp(t.Context()), "it pins nothing for others")
}

func TestHandleFirstOpenPins(t *testing.T) {
	clients := map[string]func() (ingest.Client, *plainClient){
		"plain":     func() (ingest.Client, *plainClient) { c := &plainClient{}; return c, c },
		"versioned": func() (ingest.Client, *plainClient) { c := &versionedClient{}; return c, &c.plainClient },
	}
	for name, newClient := range clients {
		t.Run(name, func(t *testing.T) {
			client, state := newClient()
			state.set("one", "v1")
			h := ingest.NewHandle(client, element)
			for range 2 {
				obj, err := h.Open(t.Context())
				require.NoError(t, err)
				assert.Equal(t, "one", content(t, obj))
			}
			state.set("two", "v2")
			_, err := h.Open(t.Context())
			require.ErrorIs(t, err, ingest.ErrChanged)
			assert.Equal(t, ingest.KindChanged, ingest.KindOf(err))
			if name == "plain" {
				assert.Equal(t, state.downs, state.closed, "a version that is refused is closed")
			}
			state.set("one", "v1")
			obj, err := h.Open(t.Context())
			require.NoError(t, err, "the pinned version is the current one again")
			assert.Equal(t, "one", content(t, obj))
		})
	}
}

func TestHandleOpenThatFailsPinsNothing(t *testing.T) {
	client := &versionedClient{}
	client.err = errors.New("broken")
	h := ingest.NewHandle(client, element)
	_, err := h.Open(t.Context())
	require.ErrorIs(t, err, client.err)
	require.ErrorContains(t, err, `"a"`)

	client.err = nil
	client.set("two", "v2")
	obj, err := h.Open(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two", content(t, obj))
}

func TestHandleStat(t *testing.T) {
	t.Run("a plain source does not tell before it is opened", func(t *testing.T) {
		client := &plainClient{content: "one", etag: "v1"}
		h := ingest.NewHandle(client, element)
		obj, err := h.Stat(t.Context())
		require.NoError(t, err)
		assert.Nil(t, obj)
		opened, err := h.Open(t.Context())
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		obj, err = h.Stat(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "v1", obj.ETag)
		assert.Nil(t, obj.Reader)
	})
	t.Run("a versioned source is pinned", func(t *testing.T) {
		client := &versionedClient{}
		client.set("one", "v1")
		h := ingest.NewHandle(client, element)
		obj, err := h.Stat(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "v1", obj.ETag)
		client.set("two", "v2")
		obj, err = h.Stat(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "v1", obj.ETag, "it describes the pinned version")
		_, err = h.Open(t.Context())
		require.ErrorIs(t, err, ingest.ErrChanged)
	})
}

func TestHandleConcurrentOpensShareOnePin(t *testing.T) {
	client := &versionedClient{}
	client.set("one", "v1")
	h := ingest.NewHandle(client, element)
	var wg sync.WaitGroup
	got := make([]string, 32)
	for i := range got {
		wg.Go(func() {
			obj, err := h.Open(t.Context())
			switch {
			case errors.Is(err, ingest.ErrChanged):
				got[i] = "changed"
			case err != nil:
				got[i] = err.Error()
			default:
				got[i] = obj.ETag
				// Whoever is first, the source moves on at once.
				client.set("two", "v2")
				_ = obj.Close()
			}
		})
	}
	wg.Wait()
	assert.Contains(t, got, "v1")
	for _, g := range got {
		assert.Contains(t, []string{"v1", "changed"}, g, "nobody gets another version")
	}
}

func TestHandleOpenLeavesTheLockWhenCancelled(t *testing.T) {
	client := &blockingClient{entered: make(chan struct{}), leave: make(chan struct{})}
	h := ingest.NewHandle(client, element)
	first := make(chan error, 1)
	go func() {
		_, err := h.Open(context.Background())
		first <- err
	}()
	<-client.entered
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := h.Open(ctx)
	require.ErrorIs(t, err, cause)
	close(client.leave)
	require.NoError(t, <-first)
}

type blockingClient struct {
	plainClient
	entered, leave chan struct{}
}

func (c *blockingClient) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	close(c.entered)
	<-c.leave
	return c.plainClient.Download(ctx, codec)
}

func TestHandleUnchanged(t *testing.T) {
	for name, tc := range map[string]struct {
		pin  bool
		then func(*versionedClient)
		want error
	}{
		"nothing pinned":   {false, func(c *versionedClient) { c.set("two", "v2") }, nil},
		"same":             {true, func(*versionedClient) {}, nil},
		"newer":            {true, func(c *versionedClient) { c.set("two", "v2") }, ingest.ErrChanged},
		"gone":             {true, func(c *versionedClient) { c.err = ingest.ErrNotFound }, nil},
		"nobody can tell":  {true, func(c *versionedClient) { c.err = ingest.ErrOutage }, ingest.ErrOutage},
		"longer, same tag": {true, func(c *versionedClient) { c.set("longer", "v1") }, ingest.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			client := &versionedClient{}
			client.set("one", "v1")
			h := ingest.NewHandle(client, element)
			if tc.pin {
				_, err := h.Stat(t.Context())
				require.NoError(t, err)
			}
			tc.then(client)
			require.ErrorIs(t, h.Unchanged(t.Context()), tc.want)
		})
	}
}

// The version that was listed needs no look: a scan that sees another queues it.
func TestHandleUnchangedAsListed(t *testing.T) {
	for name, tc := range map[string]struct {
		listed *ingest.Object
		looks  bool
	}{
		"the same":         {&ingest.Object{Len: 3, ETag: "v1"}, false},
		"length not known": {&ingest.Object{Len: -1, ETag: "v1"}, false},
		"another":          {&ingest.Object{Len: 3, ETag: "v0"}, true},
		"another length":   {&ingest.Object{Len: 4, ETag: "v1"}, true},
		"no version":       {&ingest.Object{Len: 3}, true},
		"nothing":          {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := &versionedClient{}
			client.set("one", "v1")
			h := ingest.NewHandle(client, element).Listed(tc.listed)
			_, err := h.Stat(t.Context())
			require.NoError(t, err)
			client.set("two", "v2")
			err = h.Unchanged(t.Context())
			if tc.looks {
				require.ErrorIs(t, err, ingest.ErrChanged)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestHandleCleanUp(t *testing.T) {
	t.Run("refused where nothing was opened", func(t *testing.T) {
		client := &versionedClient{}
		err := ingest.NewHandle(client, element).CleanUp(t.Context())
		require.ErrorContains(t, err, "no version of it was opened")
		assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
		assert.Empty(t, client.cleaned)
		assert.Zero(t, client.cleanUps)
	})
	t.Run("the pinned version", func(t *testing.T) {
		client := &versionedClient{}
		client.set("one", "v1")
		h := ingest.NewHandle(client, element)
		_, err := h.Stat(t.Context())
		require.NoError(t, err)
		require.NoError(t, h.CleanUp(t.Context()))
		assert.Equal(t, []string{"v1"}, client.cleaned)
		assert.Zero(t, client.cleanUps, "the clean-up that looks at no version is not used")
	})
	t.Run("never a newer version", func(t *testing.T) {
		client := &versionedClient{}
		client.set("one", "v1")
		h := ingest.NewHandle(client, element)
		_, err := h.Stat(t.Context())
		require.NoError(t, err)
		client.set("two", "v2")
		require.ErrorIs(t, h.CleanUp(t.Context()), ingest.ErrChanged)
		assert.Empty(t, client.cleaned)
	})
	t.Run("what is gone is no error", func(t *testing.T) {
		client := &plainClient{content: "one"}
		h := ingest.NewHandle(client, element)
		obj, err := h.Open(t.Context())
		require.NoError(t, err)
		require.NoError(t, obj.Close())
		client.err = ingest.ErrNotFound
		require.NoError(t, h.CleanUp(t.Context()))
		client.err = ingest.ErrOutage
		require.ErrorIs(t, h.CleanUp(t.Context()), ingest.ErrOutage)
	})
}

func TestAttachmentSurvivesCopies(t *testing.T) {
	h := ingest.NewHandle(&plainClient{}, element)
	for name, tc := range map[string]struct {
		attach  func(*service.Message, *ingest.Handle)
		content bool
	}{
		"handle":  {ingest.Attach, false},
		"content": {ingest.AttachContent, true},
	} {
		t.Run(name, func(t *testing.T) {
			msg := service.NewMessage([]byte("x"))
			_, ok := ingest.HandleOf(msg)
			require.False(t, ok)
			require.False(t, ingest.HasContent(msg))
			tc.attach(msg, h)
			for how, m := range map[string]*service.Message{"itself": msg, "copy": msg.Copy(), "deep copy": msg.DeepCopy()} {
				got, ok := ingest.HandleOf(m)
				require.True(t, ok, how)
				assert.Same(t, h, got, how)
				assert.Equal(t, tc.content, ingest.HasContent(m), how)
			}
		})
	}
}
