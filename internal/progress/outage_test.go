package progress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refused is an error as clients of HTTP return it.
var refused = fmt.Errorf("asking for the bucket: Get %q: %w", "http://nas:9000/backup/?secret",
	&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9000}, Err: syscall.ECONNREFUSED})

func TestOutagesAreShownWhileTheyLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		backup := tr.NewDependency("backup s3://nas:9000/backup/")
		assert.Empty(t, tr.Snapshot(t.Context()).Outages)
		backup.Set(refused)
		time.Sleep(12 * time.Second)
		backup.Set(refused)

		s := tr.Snapshot(t.Context())
		assert.Equal(t, "outage: backup s3://nas:9000/backup/: dial tcp 10.0.0.1:9000: connection refused (12s) · 0 failed · 0/s", status(s, rates{}))
		var rec record
		require.NoError(t, json.Unmarshal([]byte(marshal(s, rates{}, false)), &rec))
		assert.Equal(t, []Outage{{"backup s3://nas:9000/backup/", "dial tcp 10.0.0.1:9000: connection refused", time.Now().UTC().Add(-12 * time.Second)}}, rec.Outages)

		backup.Set(nil)
		s = tr.Snapshot(t.Context())
		assert.Equal(t, "0 failed · 0/s", status(s, rates{}))
		assert.Contains(t, marshal(s, rates{}, false), `"outages":[]`)
		backup.Set(refused)
		require.Len(t, tr.Snapshot(t.Context()).Outages, 1)
		assert.Equal(t, time.Now().UTC(), tr.Snapshot(t.Context()).Outages[0].Since, "the next outage begins anew")
		backup.Close()
		assert.Empty(t, tr.Snapshot(t.Context()).Outages, "nobody needs it any more")
	})
}

func TestOutagesAreTheLongestFirstAndEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		for _, name := range []string{"one", "two", "one", ""} {
			tr.NewDependency(name).Set(errors.New("down"))
			time.Sleep(time.Second)
		}
		tr.NewScan("source").Troubled(errors.New("down"))
		var names []string
		for _, o := range tr.Snapshot(t.Context()).Outages {
			names = append(names, o.System)
		}
		assert.Equal(t, []string{"one", "two", "", "source"}, names)
		require.EqualError(t, tr.Trouble(), "down", "the source is what a scan is in trouble with")
	})
}

// An error of a system that a scan also asks is told of that system.
func TestOutageOfAnotherSystem(t *testing.T) {
	require.NoError(t, At("destinations.0", nil))
	tr := NewTracker()
	err := At("destinations.0", refused)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	tr.NewScan("source").Troubled(err)
	outage := tr.Snapshot(t.Context()).Outages[0]
	assert.Equal(t, "destinations.0", outage.System)
	assert.Equal(t, "dial tcp 10.0.0.1:9000: connection refused", outage.Error)
}

func TestReason(t *testing.T) {
	for name, tc := range map[string]struct {
		of   string
		err  error
		want string
	}{
		"of the network":              {"backup", refused, "dial tcp 10.0.0.1:9000: connection refused"},
		"that says itself what it is": {"", refused, refused.Error()},
		"in several lines":            {"", errors.Join(errors.New("output 0"), errors.New("output 1")), "output 0; output 1"},
		"too long":                    {"", errors.New(strings.Repeat("ü", 300)), strings.Repeat("ü", 200) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, reason(tc.of, tc.err))
		})
	}
}

// The bar and the lines are of one text.
func TestOutageIsInTheLines(t *testing.T) {
	tr := NewTracker()
	tr.NewDependency("queue").Set(errors.New("gone"))
	var out bytes.Buffer
	lineView{&out}.update(tr.Snapshot(t.Context()), rates{})
	assert.Contains(t, out.String(), "progress: outage: queue: gone (0s)")
}
