package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// collectInterval is how often a plugin is asked for its metrics.
const collectInterval = 5 * time.Second

// metrics are what is measured of a plugin, and what it measures itself.
type metrics struct {
	name   string
	starts *service.MetricCounter
	up     *service.MetricGauge
	merged *merged
}

func newMetrics(name string, res *service.Resources, taken *takenNames) *metrics {
	m := res.Metrics()
	return &metrics{
		name:   name,
		starts: m.NewCounter("ingest_plugin_starts_total", pluginLabel),
		up:     m.NewGauge("ingest_plugin_up", pluginLabel),
		merged: newMerged(name, m, taken),
	}
}

func (m *metrics) started() {
	m.starts.Incr(1, m.name)
	m.up.Set(1, m.name)
	m.merged.restarted()
}

func (m *metrics) ended() { m.up.Set(0, m.name) }

// collect adds the plugin's metrics to ours until it is gone.
func (m *metrics) collect(gone context.Context, rpc pluginpb.PluginClient, log *service.Logger) {
	ticker := time.NewTicker(collectInterval)
	defer ticker.Stop()
	for {
		if err := m.gather(gone, rpc, log); err != nil && gone.Err() == nil {
			log.Warnf("asking plugin %s for its metrics: %v", m.name, err)
		}
		select {
		case <-gone.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *metrics) gather(ctx context.Context, rpc pluginpb.PluginClient, log *service.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, shortTimeout)
	defer cancel()
	stream, err := rpc.Metrics(ctx, &emptypb.Empty{})
	if err != nil {
		return err
	}
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		family := &dto.MetricFamily{}
		if err := proto.Unmarshal(msg.GetFamily(), family); err != nil {
			return fmt.Errorf("reading a metric: %w", err)
		}
		if err := m.merged.add(family); err != nil {
			log.Warnf("metric %s of plugin %s is left out: %v", family.GetName(), m.name, err)
		}
	}
}
