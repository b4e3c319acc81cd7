package host

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
	"github.com/ingest-bundle/ingest/plugin"
)

// The program under test is its own plugin: which one, its name says.
func TestMain(m *testing.M) {
	if os.Getenv(pluginpb.Handshake.MagicCookieKey) == "" {
		os.Exit(m.Run())
	}
	switch filepath.Base(os.Args[0]) {
	case "liar":
		serveLiar()
	case "old":
		fmt.Println("1|2|unix|/nowhere|netrpc|")
	case "bare":
		plugin.Serve(plugin.Source(func(plugin.Config) (ingest.Source, error) {
			return struct{ ingest.Source }{&system{}}, nil
		}))
	default:
		plugin.Serve(
			plugin.Source(func(c plugin.Config) (ingest.Source, error) { return newSystem(c) }),
			plugin.Destination(func(c plugin.Config) (ingest.Destination, error) {
				s, err := newSystem(c)
				return destinationSystem{s}, err
			}),
		)
	}
}

// pluginNamed returns a plugin of this program.
func pluginNamed(t *testing.T, name string, config any) Plugin {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	content, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o700))
	return Plugin{Path: path, Config: config, Resources: service.MockResources()}
}

func newHost(t *testing.T) *Host {
	t.Helper()
	h := New()
	t.Cleanup(h.Close)
	return h
}

var stats = promauto.NewCounterVec(prometheus.CounterOpts{Name: "test_stats_total", Help: "Looks."}, []string{"path"})

// system is a folder in which a file's name is that of an element, in hexadecimal.
// Elements of certain names do what a plugin may do.
type system struct {
	folder string
	names  []string
}

func newSystem(c plugin.Config) (*system, error) {
	var config struct{ Folder string }
	if err := c.Decode(&config); err != nil {
		return nil, err
	}
	return &system{folder: config.Folder}, nil
}

func (s *system) path(name string) string {
	return filepath.Join(s.folder, hex.EncodeToString([]byte(name)))
}

func (s *system) Reset(ctx context.Context) error {
	entries, err := os.ReadDir(s.folder)
	s.names = nil
	for _, entry := range entries {
		name, err := hex.DecodeString(entry.Name())
		if err != nil {
			return err
		}
		s.names = append(s.names, string(name))
	}
	slices.Sort(s.names)
	return errors.Join(err, ctx.Err())
}

func (s *system) Next(ctx context.Context) (*ingest.Codec, error) {
	codec, _, err := s.NextObject(ctx)
	return codec, err
}

func (s *system) NextObject(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if len(s.names) == 0 {
		return nil, nil, io.EOF
	}
	name := s.names[0]
	s.names = s.names[1:]
	codec := ingest.NewCodec(name, name, []byte("meta of "+name))
	if strings.HasPrefix(name, "hidden") {
		return nil, nil, ingest.LeftOut(errors.New(name))
	}
	if strings.HasPrefix(name, "slow") {
		// The answer is lost, and the listing has gone on.
		time.Sleep(200 * time.Millisecond)
	}
	obj, err := s.Stat(context.WithoutCancel(ctx), codec)
	return &codec, obj, err
}

func (s *system) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stats.WithLabelValues("a").Inc()
	content, err := os.ReadFile(s.path(codec.ID))
	if err != nil {
		return nil, fmt.Errorf("looking: %w", s.kind(err))
	}
	sum := md5.Sum(content)
	return &ingest.Object{
		MimeType: "text/plain",
		Len:      int64(len(content)),
		ETag:     hex.EncodeToString(sum[:]),
		MD5:      sum[:],
		ModTime:  time.Unix(1e9, 5),
		Metadata: map[string]string{"a": "ä"},
		Tags: func(context.Context) (map[string]string, error) {
			return map[string]string{"id": codec.ID}, nil
		},
	}, nil
}

func (s *system) kind(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return ingest.NotFound(err)
	}
	return err
}

func (s *system) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	switch codec.ID {
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(3)
	case "hang":
		<-ctx.Done()
		// Whoever looks sees that the context came across.
		return nil, os.WriteFile(s.path("cancelled"), nil, 0o600)
	case "endless":
		return &ingest.Object{Len: -1, Reader: endless{}}, nil
	}
	if err, ok := failures[codec.ID]; ok {
		return nil, err
	}
	obj, err := s.Stat(ctx, codec)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(s.path(codec.ID))
	obj.Reader = file
	return obj, err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

var failures = map[string]error{
	"permanent":       ingest.Permanent(errors.New("as asked")),
	"outage":          ingest.Outage(errors.New("as asked")),
	"misconfigured":   ingest.Misconfigured(errors.New("as asked")),
	"changed":         ingest.Changed(errors.New("as asked")),
	"not-found":       ingest.NotFound(errors.New("as asked")),
	"denied":          fmt.Errorf("%w: as asked", ingest.ErrDenied),
	"not-tested":      fmt.Errorf("%w: as asked", ingest.ErrNotTested),
	"not-implemented": fmt.Errorf("as asked: %w", plugin.ErrNotImplemented),
	"partly":          errors.Join(ingest.Permanent(errors.New("as asked")), errors.New("other")),
	"eof":             fmt.Errorf("as asked: %w", io.EOF),
	"cancelled-there": fmt.Errorf("as asked: %w", context.Canceled),
	"huge":            errors.New("as asked" + strings.Repeat("ä", 1<<20)),
}

func (s *system) DownloadVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) (*ingest.Object, error) {
	obj, err := s.Download(ctx, codec)
	if err == nil && !obj.SameVersion(version) {
		return nil, errors.Join(ingest.ErrChanged, obj.Close())
	}
	return obj, err
}

func (s *system) CleanUp(_ context.Context, codec ingest.Codec) error {
	if err := os.Remove(s.path(codec.ID)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s *system) CleanUpVersion(ctx context.Context, codec ingest.Codec, version *ingest.Object) error {
	obj, err := s.Stat(ctx, codec)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !obj.SameVersion(version):
		return ingest.ErrChanged
	}
	return s.CleanUp(ctx, codec)
}

func (s *system) TestConnection(context.Context) error {
	_, err := os.Stat(s.folder)
	return err
}

func (s *system) TestAccess(_ context.Context, access ingest.Access, beside *ingest.Codec) error {
	if beside != nil {
		return fmt.Errorf("%w: beside %s", ingest.ErrDenied, beside.ID)
	}
	return fmt.Errorf("%w: %s", ingest.ErrNotTested, access)
}

func (s *system) Location(codec ingest.Codec) string { return "test://" + codec.ID }

// destinationSystem stores into the folder.
type destinationSystem struct{ *system }

func (d destinationSystem) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	obj, err := d.system.Stat(ctx, ingest.Codec{ID: codec.Name})
	if err != nil {
		return nil, err
	}
	return d.stored(codec, obj), nil
}

func (d destinationSystem) stored(codec ingest.Codec, obj *ingest.Object) *ingest.Stored {
	return &ingest.Stored{URI: "test://" + codec.Name, Len: obj.Len, ETag: obj.ETag, MD5: obj.MD5, ModTime: obj.ModTime}
}

func (d destinationSystem) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	switch codec.Name {
	case "unread":
		return &ingest.Stored{URI: "test://unread", Verified: true}, nil
	case "nothing":
		return nil, nil
	case "working":
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			ingest.Progress(ctx)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(obj.Reader)
	if err != nil {
		return nil, err
	}
	if obj.Len >= 0 && int64(len(content)) != obj.Len {
		return nil, errors.New("wrong length")
	}
	if obj.Tags != nil {
		tags, err := obj.Tags(ctx)
		if err != nil {
			return nil, fmt.Errorf("tags: %w", err)
		}
		content = append(content, tags["append"]...)
	}
	if err := os.WriteFile(d.path(codec.Name), content, 0o600); err != nil {
		return nil, err
	}
	held, err := d.system.Stat(ctx, ingest.Codec{ID: codec.Name})
	if err != nil {
		return nil, err
	}
	stored := d.stored(codec, held)
	stored.Verified = true
	return stored, nil
}

func (d destinationSystem) Confirm(_ context.Context, codec ingest.Codec) error {
	return os.WriteFile(d.path(codec.Name+".done"), nil, 0o600)
}
