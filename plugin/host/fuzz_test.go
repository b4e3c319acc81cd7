package host

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// frames has a plugin send messages as they are, whatever is in them.
type frames struct{}

func (frames) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (frames) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }
func (frames) Name() string                       { return "proto" }

// hostile answers every call with the frames that it is given.
func hostile(f *testing.F) (*pluginpb.PluginClient, *atomic.Pointer[[][]byte]) {
	f.Helper()
	answer := &atomic.Pointer[[][]byte]{}
	server := grpc.NewServer(grpc.ForceServerCodec(frames{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		for _, frame := range *answer.Load() {
			if err := stream.SendMsg(frame); err != nil {
				return err
			}
		}
		return nil
	}))
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	f.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.Close() })
	client := pluginpb.NewPluginClient(conn)
	return &client, answer
}

func encoded(f *testing.F, m proto.Message) []byte {
	f.Helper()
	text, err := proto.Marshal(m)
	require.NoError(f, err)
	return text
}

// contentOf returns what the frames of a download hold, if they are one from the
// description to the end.
func contentOf(frames [][]byte) (content []byte, whole bool) {
	for i, frame := range frames {
		msg := &pluginpb.DownloadResponse{}
		if proto.Unmarshal(frame, msg) != nil {
			return nil, false
		}
		last := i == len(frames)-1
		switch part := msg.GetPart().(type) {
		case *pluginpb.DownloadResponse_Object:
			whole = i == 0 && part.Object != nil
		case *pluginpb.DownloadResponse_Chunk:
			content = append(content, part.Chunk...)
			whole = i > 0 && whole
		case *pluginpb.DownloadResponse_End:
			whole = i > 0 && whole && last
			if last {
				return content, whole
			}
		default:
			whole = false
		}
		if !whole {
			return nil, false
		}
	}
	return nil, false
}

// FuzzPlugin has a plugin answer every call with any frames. A content is whole only
// with its description and its end, a listing ends only where the plugin says so, and
// nothing counts as stored that is shorter or longer than what was sent.
func FuzzPlugin(f *testing.F) {
	download := func(m *pluginpb.DownloadResponse) []byte { return encoded(f, m) }
	f.Add(download(description), download(chunk), download(end), uint8(3))
	f.Add(download(description), download(chunk), download(end), uint8(2))
	f.Add(download(chunk), download(end), download(end), uint8(3))
	f.Add(encoded(f, &pluginpb.NextResponse{Next: &pluginpb.NextResponse_Element{}}), []byte{}, []byte{}, uint8(1))
	f.Add(encoded(f, &pluginpb.NextResponse{Next: &pluginpb.NextResponse_LeftOut{LeftOut: "x"}}), []byte{}, []byte{}, uint8(1))
	f.Add(encoded(f, &pluginpb.StoreResponse{Part: &pluginpb.StoreResponse_Stored{Stored: &pluginpb.Stored{Len: 4}}}), []byte{}, []byte{}, uint8(1))
	f.Add([]byte{0xff}, []byte{0x0a, 0x80}, []byte{}, uint8(2))
	client, answer := hostile(f)

	f.Fuzz(func(t *testing.T, a, b, c []byte, n uint8) {
		sent := [][]byte{a, b, c}[:n%4]
		answer.Store(&sent)
		p := newProcess("/hostile", "hostile", service.MockResources(), &takenNames{names: map[string]string{}})
		p.run = &run{rpc: *client, gone: context.Background(), fail: func() {}}
		i := &instance{process: p, run: p.run, lock: make(chan struct{}, 1)}
		s, d := &source{instance: i}, &destination{instance: i}
		codec := ingest.NewCodec("id", "name", nil)

		obj, err := s.Download(t.Context(), codec)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(obj.Reader)
			require.NoError(t, obj.Close())
		}
		want, whole := contentOf(sent)
		if whole {
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		} else {
			require.Error(t, err)
		}

		next := &pluginpb.NextResponse{}
		end := len(sent) == 1 && proto.Unmarshal(sent[0], next) == nil && next.GetEnd() != nil
		listed, err := s.Next(t.Context())
		assert.Equal(t, end, errors.Is(err, io.EOF))
		assert.Equal(t, err == nil, listed != nil)

		stored, err := d.Store(t.Context(), codec, object("four"))
		assert.Equal(t, err == nil, stored != nil)
		if err == nil {
			assert.Equal(t, int64(4), stored.Len)
		}

		held, err := d.Stat(t.Context(), codec)
		assert.Equal(t, err == nil, held != nil)
		seen, err := versions{s}.Stat(t.Context(), codec)
		assert.Equal(t, err == nil, seen != nil)
	})
}

// FuzzMetrics takes over any metrics of a plugin: they are exposed as the plugin's, or
// left out, and the process's own stay what they are.
func FuzzMetrics(f *testing.F) {
	counter := func(name string, value float64, labels ...string) []byte {
		m := &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(value)}}
		for _, l := range labels {
			m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(l), Value: proto.String("v")})
		}
		return encoded(f, &dto.MetricFamily{Name: proto.String(name), Metric: []*dto.Metric{m}})
	}
	f.Add(counter("a_total", 1, "code"), counter("a_total", 2, "code"))
	f.Add(counter("ingest_own_total", 7), counter("", -1, ""))
	f.Add(counter("a_total", 1, "path", "exported_path"), counter("b", 1, "__name__"))
	f.Add(counter("a b", 1, "c d"), []byte{0xff})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		metrics, text := exposed(t)
		own := metrics.NewCounter("ingest_own_total", "a")
		own.Incr(5, "x")
		m := newMerged("p", metrics, &takenNames{names: map[string]string{}})
		for _, data := range [][]byte{a, b} {
			family := &dto.MetricFamily{}
			if proto.Unmarshal(data, family) == nil {
				_ = m.add(family)
			}
		}
		own.Incr(1, "x")
		got := text()
		assert.Contains(t, got, "ingest_own_total{a=\"x\"} 6\n")
		for line := range strings.Lines(got) {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "ingest_own_total{") {
				assert.Contains(t, line, `plugin_name="p"`)
			}
		}
	})
}
