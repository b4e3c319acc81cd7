package integration

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// TestComposePipelines runs the pipelines of the compose file, with the addresses of
// servers that are here, and looks for every metric that its dashboard and its alerts
// ask for.
func TestComposePipelines(t *testing.T) {
	t.Parallel()
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	objects := small(10, "o")
	putAll(t, source, "source", objects)
	// A listing and an upload fail, and go well the next time. The first listing
	// belongs to the test of the connection.
	var listings atomic.Int32
	listing := startProxy(t, source, func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("list-type") || listings.Add(1) != 2 {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	})
	upload := startProxy(t, dest, newFlaky("/copy/o00003", 1).meddle)
	webhook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(webhook.Close)

	pipeline := func(name string, set ...string) *process {
		text, err := os.ReadFile("../deploy/compose/pipelines/" + name)
		require.NoError(t, err)
		address := freeAddress(t)
		config := strings.NewReplacer(
			"source:9000", listing.address, "destination:9000", upload.address,
			"nats://nats:4222", n.url, "0.0.0.0:4195", address,
			"${SRC_ACCESS_KEY_ID}", accessKey, "${SRC_SECRET_ACCESS_KEY}", secretKey,
			"${DST_ACCESS_KEY_ID}", accessKey, "${DST_SECRET_ACCESS_KEY}", secretKey,
		).Replace(string(text))
		args := []string{"run"}
		for _, s := range set {
			args = append(args, "--set", s)
		}
		return startArgs(t, address, append(args, writeConfig(t, config))...)
	}
	enqueue := pipeline("enqueue.yaml", "input.ingest_s3.interval=1s")
	dequeue := pipeline("dequeue.yaml", "output.ingest_fan_out.clean_up=true", "output.ingest_fan_out.webhook.url="+webhook.URL)

	var missing []string
	asked := askedFor(t)
	require.NotEmpty(t, asked)
	if !assert.Eventually(t, func() bool {
		told := enqueue.metrics() + dequeue.metrics()
		missing = nil
		for _, line := range asked {
			if !line.MatchString(told) {
				missing = append(missing, line.String())
			}
		}
		return len(missing) == 0 && len(dest.keys("copy")) == len(objects)
	}, time.Minute, 4*tick) {
		t.Log("nobody tells of ", missing)
	}
	requireSame(t, dest, "copy", "", objects)
	enqueue.stop()
	dequeue.stop()
}

var (
	selector = regexp.MustCompile(`(ingest_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`\w+="[^"]*"`)
)

// askedFor returns patterns of the lines of metrics that the dashboard and the alerts
// select.
func askedFor(t *testing.T) (lines []*regexp.Regexp) {
	t.Helper()
	var queries []string
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	text, err := os.ReadFile("../deploy/compose/grafana/dashboards/ingest.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			queries = append(queries, q.Expr)
		}
	}
	var alerts struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	text, err = os.ReadFile("../deploy/compose/alerts.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &alerts))
	require.NotEmpty(t, alerts.Groups)
	for _, r := range alerts.Groups[0].Rules {
		queries = append(queries, r.Expr)
	}
	for _, q := range queries {
		found := selector.FindAllStringSubmatch(q, -1)
		require.NotEmpty(t, found, q)
		for _, m := range found {
			line := "(?m)^" + m[1] + `\{`
			for _, label := range matcher.FindAllString(m[2], -1) {
				line += ".*" + regexp.QuoteMeta(label)
			}
			lines = append(lines, regexp.MustCompile(line+`.*\} `))
		}
	}
	return lines
}
