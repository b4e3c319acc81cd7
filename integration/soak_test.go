package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// soakKeys is how many keys the objects of a soak share: later ones are newer versions.
const soakKeys = 20_000

// backlog is how many of the objects of a soak may wait at the source.
func backlog(objects int) int { return min(5000, objects/20) }

// soakObject is the i-th object that is put into the source.
func soakObject(i int) object {
	return object{key: fmt.Sprintf("soak/%05d", i%soakKeys), revision: i / soakKeys, size: int64(16 + i%2000)}
}

// trouble is what a server does to every request for a while; nil if it is well.
type trouble = atomic.Pointer[func(http.ResponseWriter, *http.Request)]

func meddleWith(t *trouble) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		do := t.Load()
		if do != nil {
			(*do)(w, r)
		}
		return do != nil
	}
}

func slowDown(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// breakOff announces more than it sends.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte("it begins"))
	panic(http.ErrAbortHandler)
}

// sayNothing keeps the client waiting.
func sayNothing(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Second):
	}
	panic(http.ErrAbortHandler)
}

// soak is a run that goes on for long, with objects that come and go and a fault every
// few seconds.
type soak struct {
	t            *testing.T
	source, dest *s3Server
	// sourceAt and destAt are where the two are reached, with their troubles.
	sourceAt, destAt *proxy
	sourceIs, destIs trouble
	nats             *server.Server
	natsDir          string
	port             int
	queue            *natsServer
	p                *process

	put atomic.Int64
	// moved is how many the last sample tells of.
	moved            atomic.Int64
	faults, restarts int
	// undo ends the fault that is on.
	undo func()
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, source: startVersityGW(t), dest: startVersityGW(t), natsDir: t.TempDir()}
	s.source.bucket("source")
	s.dest.bucket("copy")
	s.sourceAt = startProxy(t, s.source, meddleWith(&s.sourceIs))
	s.destAt = startProxy(t, s.dest, meddleWith(&s.destIs))
	s.port = server.RANDOM_PORT
	s.startNATS()
	s.port = s.nats.Addr().(*net.TCPAddr).Port
	s.queue = connectNATS(t, s.nats)
	return s
}

func (s *soak) startNATS() {
	s.t.Helper()
	s.nats = startNATSWith(s.t, &server.Options{}, func(o *server.Options) { o.Port, o.StoreDir = s.port, s.natsDir })
}

// start moves objects, from then on, and has the process tell of itself.
func (s *soak) start() {
	s.t.Helper()
	dir, address := s.t.TempDir(), freeAddress(s.t)
	write := func(name, config string) string {
		path := filepath.Join(dir, name)
		require.NoError(s.t, os.WriteFile(path, []byte(config), 0o600))
		return path
	}
	enqueue := write("enqueue.yaml", enqueueConfig(s.queue, s.source.fields("source", s.sourceAt.address)+", interval: 500ms"))
	dequeue := write("dequeue.yaml", dequeue{
		source: s.source.fields("source", s.sourceAt.address), outputs: []string{s.dest.fields("copy", s.destAt.address)},
		cleanUp: true, queue: ", backoff: { min: 200ms, max: 2s }",
	}.config(s.queue))
	s.p = startArgs(s.t, address, "streams", "--no-api", "--set", "http.address="+address,
		"--set", "metrics.prometheus.add_go_metrics=true", "--set", "logger.level=WARN", enqueue, dequeue)
	require.Eventually(s.t, func() bool { return s.p.metrics() != "" }, time.Minute, tick)
}

// churn puts objects into the source, as many as it is told to or until the deadline,
// and no faster than they are moved away.
func (s *soak) churn(objects int, deadline time.Time) error {
	group, ctx := errgroup.WithContext(s.t.Context())
	group.SetLimit(16)
	for i := 0; i < objects && time.Now().Before(deadline) && ctx.Err() == nil; {
		if i-int(s.moved.Load()) >= backlog(objects) {
			time.Sleep(tick) // until the next sample
			continue
		}
		o := soakObject(i)
		group.Go(func() error { return o.put(ctx, s.source, "source") })
		i++
		s.put.Store(int64(i))
	}
	return group.Wait()
}

// disturb has one fault after the other, each in the last fifth of a period.
func (s *soak) disturb(now, period time.Duration) {
	s.t.Helper()
	faults := []func() (undo func()){
		s.is(&s.sourceIs, slowDown), s.is(&s.destIs, hangUp), s.is(&s.destIs, sayNothing),
		s.restart, s.is(&s.sourceIs, breakOff), s.is(&s.destIs, slowDown),
	}
	on := now%period >= period*4/5
	switch {
	case on && s.undo == nil:
		s.undo = faults[s.faults%len(faults)]()
		s.faults++
	case !on && s.undo != nil:
		s.undo()
		s.undo = nil
	}
}

func (s *soak) is(at *trouble, do func(http.ResponseWriter, *http.Request)) func() func() {
	return func() func() {
		at.Store(&do)
		return func() { at.Store(nil) }
	}
}

// restart ends the queue's server; it is started again when the fault is over.
func (s *soak) restart() func() {
	s.restarts++
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return s.startNATS
}

// sampleEvery is how often is looked at what the process takes.
const sampleEvery = 500 * time.Millisecond

// sample is what a process takes at a moment.
type sample struct {
	Seconds     float64 `json:"seconds"`
	RSS         int     `json:"rss"`
	Goroutines  int     `json:"goroutines"`
	Descriptors int     `json:"descriptors"`
	Moved       int     `json:"moved"`
}

var goroutines = regexp.MustCompile(`(?m)^go_goroutines(?:\{[^}]*\})? (\d+)`)

func (p *process) sample(begun time.Time) (now sample) {
	now.Seconds = time.Since(begun).Seconds()
	now.RSS = residentOf(p.t, p.cmd.Process.Pid, "VmRSS")
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	now.Descriptors = len(descriptors)
	m := goroutines.FindStringSubmatch(p.metrics())
	require.NotNil(p.t, m, "the process does not tell its goroutines")
	now.Goroutines, _ = strconv.Atoi(m[1])
	now.Moved = p.metric("ingest_clean_ups_total", `result="success"`)
	return now
}

// keep writes the samples into the file that an environment variable names, if it
// does: they are drawn by the bench.
func keep(t *testing.T, samples []sample) {
	t.Helper()
	path := os.Getenv("INGEST_SOAK_SAMPLES")
	if path == "" {
		return
	}
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // what is written is checked
	for _, s := range samples {
		require.NoError(t, json.NewEncoder(f).Encode(s))
	}
}

// TestSoak moves objects that come and go, with a fault every few seconds: what the
// process takes may not grow.
func TestSoak(t *testing.T) {
	objects := number(t, "INGEST_SOAK_OBJECTS", 4000)
	minutes := number(t, "INGEST_SOAK_MINUTES", 2)
	period := time.Duration(number(t, "INGEST_SOAK_PERIOD", 3)) * time.Second
	s := newSoak(t)
	s.start()
	begun := time.Now()

	churned := make(chan error, 1)
	go func() { churned <- s.churn(objects, begun.Add(time.Duration(minutes)*time.Minute)) }()
	var samples []sample
	sampled := begun
	for len(churned) == 0 {
		time.Sleep(tick) // between looks
		s.disturb(time.Since(begun), period)
		if time.Since(sampled) < sampleEvery {
			continue
		}
		now := s.p.sample(begun)
		sampled = time.Now()
		s.moved.Store(int64(now.Moved))
		// To begin with, everything grows.
		if now.Moved > objects/10 || now.Seconds > 60 {
			samples = append(samples, now)
		}
	}
	require.NoError(t, <-churned)
	if s.undo != nil {
		s.undo()
	}

	require.Eventually(t, func() bool {
		return len(s.source.keys("source")) == 0 && s.queue.count(t, "ingest") == 0
	}, 5*time.Minute, time.Second, "not everything is moved")
	took := time.Since(begun)
	s.p.stop()
	keep(t, samples)
	t.Logf("%d objects, %d faults (%d restarts of NATS) in %s, %d samples", s.put.Load(), s.faults, s.restarts, took.Round(time.Second), len(samples))
	assert.Zero(t, s.queue.count(t, "ingest_dead"))
	last := make([]object, 0, soakKeys)
	put := int(s.put.Load())
	for i := max(0, put-soakKeys); i < put; i++ {
		last = append(last, soakObject(i))
	}
	requireSame(t, s.dest, "copy", "", last)
	assert.Positive(t, s.faults)
	requireFlat(t, samples)
}
