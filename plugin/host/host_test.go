package host

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems/systemstest"
)

func object(content string) ingest.Object {
	return ingest.Object{Len: int64(len(content)), Reader: strings.NewReader(content)}
}

func put(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, hex.EncodeToString([]byte(name))), content, 0o600))
}

func get(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, hex.EncodeToString([]byte(name))))
	require.NoError(t, err)
	return string(content)
}

func TestSourceAcceptance(t *testing.T) {
	h, p := newHost(t), pluginNamed(t, "sound", nil)
	var folder string
	systemstest.TestSource(t, func(t *testing.T, objects map[string][]byte) ingest.Source {
		folder = t.TempDir()
		for name, content := range objects {
			put(t, folder, name, content)
		}
		p.Config = map[string]any{"folder": folder}
		source, err := h.Lister(p)
		require.NoError(t, err)
		return source
	}, systemstest.WithChange(func(t *testing.T, _ ingest.Source, id string, content []byte) {
		put(t, folder, id, content)
	}))
}

func TestDestinationAcceptance(t *testing.T) {
	h, p := newHost(t), pluginNamed(t, "sound", nil)
	systemstest.TestDestination(t, func(t *testing.T) ingest.Destination {
		p.Config = map[string]any{"folder": t.TempDir()}
		dest, err := h.Destination(p)
		require.NoError(t, err)
		return dest
	})
}

// sound returns a source and a destination for one folder, and their host.
func sound(t *testing.T) (h *Host, source ingest.Source, dest ingest.Destination, folder string) {
	t.Helper()
	h, folder = newHost(t), t.TempDir()
	p := pluginNamed(t, "sound", map[string]any{"folder": folder})
	source, err := h.Lister(p)
	require.NoError(t, err)
	dest, err = h.Destination(p)
	require.NoError(t, err)
	return h, source, dest, folder
}

// pid returns the process of the only plugin of h.
func pid(h *Host) int {
	for _, p := range h.processes {
		_ = p.acquire(context.Background())
		defer p.release()
		if p.run != nil {
			return p.run.cmd.Process.Pid
		}
	}
	return 0
}

func alive(pid int) bool { return pid != 0 && syscall.Kill(pid, 0) == nil }

// A proxy implements what the plugin does, and nothing else.
func TestOptionalInterfaces(t *testing.T) {
	_, source, dest, folder := sound(t)
	ctx := t.Context()
	require.NoError(t, source.(ingest.ConnectionTester).TestConnection(ctx))
	assert.Equal(t, "test://x y", source.(ingest.Locator).Location(ingest.NewCodec("x y", "", nil)))
	assert.Equal(t, "test://x y", dest.(ingest.Locator).Location(ingest.NewCodec("x y", "", nil)))
	require.ErrorIs(t, source.(ingest.AccessTester).TestAccess(ctx, ingest.AccessList, nil), ingest.ErrNotTested)
	require.ErrorIs(t, dest.(ingest.AccessTester).TestAccess(ctx, ingest.AccessPut, &ingest.Codec{ID: "a"}), ingest.ErrDenied)
	require.NoError(t, dest.(interface {
		Confirm(context.Context, ingest.Codec) error
	}).Confirm(ctx, ingest.NewCodec("a", "a", nil)))
	assert.Empty(t, get(t, folder, "a.done"))

	h := newHost(t)
	bare, err := h.Lister(pluginNamed(t, "bare", nil))
	require.NoError(t, err)
	_, ok := bare.(ingest.VersionedClient)
	assert.False(t, ok)
	_, ok = bare.(ingest.ConnectionTester)
	assert.False(t, ok)
	_, ok = bare.(ingest.Locator)
	assert.False(t, ok)
	_, ok = bare.(ingest.AccessTester)
	assert.False(t, ok)
	_, err = h.Destination(pluginNamed(t, "bare", nil))
	require.ErrorContains(t, err, "being a destination is not implemented")
}

// Every combination implements exactly its own interfaces.
func TestCombinations(t *testing.T) {
	for mask := range 16 {
		inst := &instance{}
		for capability, bit := range optionals {
			if mask&bit != 0 {
				inst.capabilities = append(inst.capabilities, capability)
			}
		}
		for kind, system := range map[string]any{"source": asSource(&source{instance: inst}), "destination": asDestination(&destination{instance: inst})} {
			_, isVersioned := system.(ingest.VersionedClient)
			_, isTestable := system.(ingest.ConnectionTester)
			_, isAccessible := system.(ingest.AccessTester)
			_, isLocatable := system.(ingest.Locator)
			assert.Equal(t, kind == "source" && mask&versioned != 0, isVersioned, "%s %04b", kind, mask)
			assert.Equal(t, mask&testable != 0, isTestable, "%s %04b", kind, mask)
			assert.Equal(t, mask&accessible != 0, isAccessible, "%s %04b", kind, mask)
			assert.Equal(t, mask&locatable != 0, isLocatable, "%s %04b", kind, mask)
		}
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	_, source, _, _ := sound(t)
	for id, want := range failures {
		_, err := source.Download(t.Context(), ingest.NewCodec(id, id, nil))
		require.ErrorContains(t, err, "as asked", id)
		assert.Less(t, len(err.Error()), 5000, id)
		for _, kind := range []error{ingest.ErrNotFound, ingest.ErrOutage, ingest.ErrMisconfigured, ingest.ErrChanged, ingest.ErrDenied, ingest.ErrNotTested} {
			assert.Equal(t, errors.Is(want, kind), errors.Is(err, kind), "%s is %v", id, kind)
		}
		if id == "not-implemented" {
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
			continue
		}
		assert.Equal(t, ingest.KindOf(want), ingest.KindOf(err), id)
		require.NotErrorIs(t, err, io.EOF)
		require.NotErrorIs(t, err, context.Canceled, "nobody here cancelled anything")
	}
}

func TestCancellationReachesThePlugin(t *testing.T) {
	_, source, _, folder := sound(t)
	given := errors.New("given up")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(200*time.Millisecond, func() { cancel(given) })
	_, err := source.Download(ctx, ingest.NewCodec("hang", "hang", nil))
	require.ErrorIs(t, err, given)
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(folder, hex.EncodeToString([]byte("cancelled"))))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

// A call that was given up may have moved the listing on: the element comes again.
func TestAnAbandonedNextLosesNothing(t *testing.T) {
	_, source, _, folder := sound(t)
	for _, name := range []string{"a", "hidden", "slow", "z"} {
		put(t, folder, name, nil)
	}
	ctx := t.Context()
	require.NoError(t, source.Reset(ctx))
	var got []string
	leftOut := 0
	for {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		codec, err := source.Next(short)
		cancel()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			got = append(got, codec.Name)
		}
		if errors.Is(err, ingest.ErrLeftOut) {
			leftOut++
		}
	}
	assert.Equal(t, []string{"a", "slow", "z"}, got)
	assert.Equal(t, 1, leftOut)
}

func TestAPanicFailsOneCall(t *testing.T) {
	h, source, _, folder := sound(t)
	put(t, folder, "a", []byte("content"))
	before := pid(h)
	_, err := source.Download(t.Context(), ingest.NewCodec("panic", "panic", nil))
	require.ErrorContains(t, err, "the plugin panicked: as asked")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
	_, err = source.Download(t.Context(), ingest.NewCodec("a", "a", nil))
	require.NoError(t, err)
	assert.Equal(t, before, pid(h))
}

// A process that is gone fails what is in flight, is an outage until it is started
// again, and then goes on: also in the middle of a listing.
func TestCrash(t *testing.T) {
	h, source, _, folder := sound(t)
	for i := range 5 {
		put(t, folder, strconv.Itoa(i), []byte("content"))
	}
	ctx := t.Context()
	require.NoError(t, source.Reset(ctx))
	_, err := source.Next(ctx)
	require.NoError(t, err)
	obj, err := source.Download(ctx, ingest.NewCodec("endless", "endless", nil))
	require.NoError(t, err)
	defer obj.Close()
	before := pid(h)
	time.AfterFunc(100*time.Millisecond, func() { _ = syscall.Kill(before, syscall.SIGKILL) })
	_, err = io.Copy(io.Discard, obj.Reader)
	require.ErrorContains(t, err, "ended in the middle")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))

	_, err = source.Next(ctx)
	require.ErrorIs(t, err, ingest.ErrOutage, "it is not started again at once")
	seen := map[string]bool{}
	require.Eventually(t, func() bool {
		codec, err := source.Next(ctx)
		if err == nil {
			seen[codec.Name] = true
		}
		return errors.Is(err, io.EOF)
	}, 20*time.Second, 10*time.Millisecond)
	assert.Len(t, seen, 5, "nothing is left out")
	assert.NotEqual(t, before, pid(h))
	assert.False(t, alive(before))
}

// A plugin that ends by itself while it is at work is the same.
func TestExit(t *testing.T) {
	_, source, _, _ := sound(t)
	_, err := source.Download(t.Context(), ingest.NewCodec("exit", "exit", nil))
	require.Error(t, err)
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
}

// A process that stands still as a whole is found out, and replaced.
func TestHang(t *testing.T) {
	h, source, _, _ := sound(t)
	before := pid(h)
	require.NoError(t, syscall.Kill(before, syscall.SIGSTOP))
	start := time.Now()
	err := source.(ingest.ConnectionTester).TestConnection(t.Context())
	require.ErrorContains(t, err, "ended in the middle")
	assert.Less(t, time.Since(start), 2*(keepaliveTime+keepaliveTimeout))
	require.Eventually(t, func() bool {
		return source.(ingest.ConnectionTester).TestConnection(t.Context()) == nil
	}, 20*time.Second, 50*time.Millisecond)
	assert.False(t, alive(before))
}

func TestStoreThatFails(t *testing.T) {
	_, _, dest, folder := sound(t)
	ctx := t.Context()
	broken := ingest.Changed(errors.New("broken"))
	_, err := dest.Store(ctx, ingest.NewCodec("a", "a", nil), ingest.Object{Len: -1, Reader: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))})
	require.ErrorIs(t, err, ingest.ErrChanged, "the error of the source, not that of the plugin")
	_, err = dest.Stat(ctx, ingest.NewCodec("a", "a", nil))
	require.ErrorIs(t, err, ingest.ErrNotFound)

	_, err = dest.Store(ctx, ingest.NewCodec("unread", "unread", nil), object("content"))
	require.ErrorContains(t, err, "did not read the whole object")
	_, err = dest.Store(ctx, ingest.NewCodec("nothing", "nothing", nil), object(""))
	require.ErrorContains(t, err, "does not say what it holds")

	obj := object("content")
	obj.Tags = func(context.Context) (map[string]string, error) { return nil, errors.New("no tags today") }
	_, err = dest.Store(ctx, ingest.NewCodec("tags", "tags", nil), obj)
	require.ErrorContains(t, err, "no tags today")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestProgressReachesTheHost(t *testing.T) {
	_, _, dest, _ := sound(t)
	ctx, stop := ingest.WithStallTimeout(t.Context(), 600*time.Millisecond)
	defer stop()
	_, err := dest.Store(ctx, ingest.NewCodec("working", "working", nil), object("content"))
	require.NoError(t, err, "it worked for longer than the timeout, and said so")
}

func TestTagsOfASource(t *testing.T) {
	_, source, _, folder := sound(t)
	put(t, folder, "a", []byte("content"))
	obj, err := source.Download(t.Context(), ingest.NewCodec("a", "a", nil))
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	tags, err := obj.Tags(t.Context())
	require.NoError(t, err, "also when the object is closed")
	assert.Equal(t, map[string]string{"id": "a"}, tags)
	put(t, folder, "a", []byte("another"))
	_, err = obj.Tags(t.Context())
	require.ErrorIs(t, err, ingest.ErrChanged)
}

// Components with one configuration share what has no state of its own, and all
// share the process.
func TestSharing(t *testing.T) {
	h := newHost(t)
	p := pluginNamed(t, "sound", map[string]any{"folder": t.TempDir()})
	one, err := h.Client(p)
	require.NoError(t, err)
	other, err := h.Client(p)
	require.NoError(t, err)
	lister, err := h.Lister(p)
	require.NoError(t, err)
	id := func(s ingest.Source) uint64 {
		_, id, err := s.(interface {
			ready(context.Context) (*run, uint64, error)
		}).ready(t.Context())
		require.NoError(t, err)
		return id
	}
	assert.Equal(t, id(one), id(other))
	assert.NotEqual(t, id(one), id(lister))
	assert.Len(t, h.processes, 1)

	require.NoError(t, lister.(io.Closer).Close())
	require.NoError(t, lister.Reset(t.Context()), "what was closed is opened when it is used")
}

func TestConfigurationThatIsWrong(t *testing.T) {
	_, err := newHost(t).Lister(pluginNamed(t, "sound", map[string]any{"folder": "x", "bucket": "y"}))
	require.ErrorContains(t, err, `unknown field "bucket"`)
}

func TestOtherVersion(t *testing.T) {
	_, err := newHost(t).Lister(pluginNamed(t, "old", nil))
	require.ErrorContains(t, err, "built for another version of ingest")
	require.ErrorContains(t, err, "Plugin version: 2")
}

func TestNoPlugin(t *testing.T) {
	p := Plugin{Path: filepath.Join(t.TempDir(), "script")}
	require.NoError(t, os.WriteFile(p.Path, []byte("#!/bin/sh\necho hello\n"), 0o700))
	p.Resources = pluginNamed(t, "sound", nil).Resources
	_, err := newHost(t).Lister(p)
	require.ErrorContains(t, err, "remote plugin message: hello")
}

func TestClose(t *testing.T) {
	h, source, _, _ := sound(t)
	running := pid(h)
	require.True(t, alive(running))
	h.Close()
	assert.False(t, alive(running))
	_, err := source.Next(t.Context())
	require.ErrorIs(t, err, ingest.ErrOutage)
}
