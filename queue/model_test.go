package queue

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ingest-bundle/ingest"
)

// init says which walks there are, and how many, unless the command line does. They are
// the same ones at every run, so that a change which is tested is what makes them fail.
func init() {
	for name, value := range map[string]string{"rapid.checks": "300", "rapid.seed": "1"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// TestModel takes the queue on random walks, and compares it after every step with
// what the delivery contract says must be true: see model and promise.
//
// Its time is synthetic. It stands still while anything is being done, so that a walk
// of minutes takes milliseconds, and a slow machine changes nothing.
func TestModel(t *testing.T) {
	// The server has one clock for the whole process, which must be none of a bubble,
	// and which must not be decades ahead of it.
	ats.Register()
	defer ats.Unregister()
	now := time.Now()
	var first sync.Once
	rapid.Check(t, func(rt *rapid.T) {
		var end any
		synctest.Test(t, func(t *testing.T) {
			defer func() { end = recover() }()
			time.Sleep(time.Until(now))
			m := newModel(rt, t.TempDir())
			defer m.close()
			defer func() {
				if rt.Failed() {
					// The goroutines of a walk can come in another order the next time.
					first.Do(func() { t.Logf("the first walk that failed:\n%s", strings.Join(m.trail, "\n")) })
				}
			}()
			rt.Repeat(map[string]func(*rapid.T){
				"":        m.check,
				"scan":    m.scan,
				"deliver": m.deliver,
				"work":    m.work,
				"fail":    m.fail,
				"meddle":  m.meddle,
				"wait":    m.wait,
			})
			m.finish()
		})
		// rapid ends a walk with a panic, and takes panics from one line for one.
		if rt.Failed() {
			panic(end)
		}
		if end != nil {
			panic(end)
		}
	})
}

// scan publishes what a listing tells of an object, which may have changed before. It
// waits while the queue is full.
func (m *model) scan(rt *rapid.T) {
	id := rapid.SampledFrom(modelIDs).Draw(rt, "element")
	what := rapid.SampledFrom([]string{"scan", "change", "change and scan"}).Draw(rt, "what")
	if what != "scan" {
		m.source[id]++
		m.logf("%s changes at the source: version %d", id, m.source[id])
	}
	waits := slices.ContainsFunc(m.scans, func(s *modelScan) bool { return s.saw.id == id })
	if what == "change" || waits {
		return
	}
	s := &modelScan{saw: revision{id, m.source[id]}, done: make(chan error, 1)}
	m.scans = append(m.scans, s)
	m.logf("a scan sees %s", s.saw)
	go func() { s.done <- m.scanner.Publish(context.Background(), element(id), s.saw.header()) }()
}

// deliver pops a message at one of two workers, and starts the worker if need be.
func (m *model) deliver(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"worker 1", "worker 2"}).Draw(rt, "worker")
	w := m.workers[name]
	if w == nil {
		w = m.startWorker(name)
	}
	m.pop(w, 50*time.Millisecond)
}

// work takes steps with a message that a worker holds: it pins the version, stores it,
// and is done.
func (m *model) work(rt *rapid.T) {
	h := m.drawHeld(rt)
	for range rapid.IntRange(1, 3).Draw(rt, "steps") {
		if h.worker.held[h] != nil {
			m.step(h)
		}
	}
}

// fail ends the work on a message with a failure.
func (m *model) fail(rt *rapid.T) {
	h := m.drawHeld(rt)
	m.failures++
	cause := fmt.Errorf("failure %d", m.failures)
	switch rapid.SampledFrom([]string{"transient", "outage", "permanent"}).Draw(rt, "kind") {
	case "outage":
		m.settle(h, ingest.Outage(cause), func(*promise) {})
	case "permanent":
		m.settle(h, ingest.Permanent(cause), func(p *promise) { m.bury(h.of, p, cause) })
	default:
		m.settle(h, cause, func(p *promise) {
			if p.failed+1 == m.cfg.MaxAttempts {
				m.bury(h.of, p, cause)
				return
			}
			p.notBefore = time.Now().Add(m.cfg.BackoffMin << p.failed)
			p.failed++
		})
	}
}

// meddle ends a worker, or the server, or puts a dead letter back.
func (m *model) meddle(rt *rapid.T) {
	kind := rapid.SampledFrom([]string{"requeue", "stop", "crash", "disconnect", "restart"}).Draw(rt, "kind")
	switch kind {
	case "requeue":
		m.requeue(rt)
	case "restart":
		m.restart(rt)
	default:
		m.fault(rt, kind)
	}
}

// restart ends everybody, and the server.
func (m *model) restart(rt *rapid.T) {
	m.logf("the server stops, and so do all workers")
	m.endWorkers()
	m.collectScans(rt)
	m.close()
	m.open()
	// The server does not keep how long a message is to wait.
	for _, p := range m.queued {
		p.notBefore = time.Time{}
	}
}

func (m *model) fault(rt *rapid.T, kind string) {
	name := rapid.SampledFrom([]string{"worker 1", "worker 2"}).Draw(rt, "worker")
	w := m.workers[name]
	if w == nil {
		rt.SkipNow()
	}
	m.logf("%s: %s", name, kind)
	switch kind {
	case "stop":
		m.end(w)
	case "crash":
		w.q.conn.nc.Close()
		m.end(w)
	case "disconnect":
		// What it holds is cancelled before another gets it.
		w.q.conn.nc.Close()
		w.lost = true
	}
}

// requeue puts a dead letter back.
func (m *model) requeue(rt *rapid.T) {
	if len(m.dead) == 0 {
		rt.SkipNow()
	}
	id := rapid.SampledFrom(sortedKeys(m.dead)).Draw(rt, "element")
	letter := m.dead[id]
	dl, err := m.scanner.DeadLetter(context.Background(), id)
	require.NoError(rt, err)
	ctx, cancel := context.WithTimeout(context.Background(), 3*fullRetry/2)
	defer cancel()
	m.logf("the dead letter of %s is put back", letter.of)
	if err := m.scanner.Requeue(ctx, dl); errors.Is(err, context.DeadlineExceeded) {
		m.logf("the queue is full")
		return
	}
	require.NoError(rt, err)
	delete(m.dead, id)
	if m.stored(rt)[letter.of.listed()] {
		m.promise(letter.of.listed(), letter.stands)
		return
	}
	m.alreadyQueued(revision{id, letter.stands})
}

// wait lets time pass.
func (m *model) wait(rt *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{fullRetry, m.cfg.BackoffMin, m.cfg.AckWait, 3 * m.cfg.AckWait}).Draw(rt, "time")
	m.logf("%s pass", d)
	time.Sleep(d)
}

// finish has a worker do what is left, and looks whether nothing is missing.
func (m *model) finish() {
	m.logf("a last worker does what is left")
	m.endWorkers()
	last := m.startWorker("the last worker")
	enough := time.Now().Add(10 * time.Minute)
	for m.check(m.T); len(m.queued)+len(m.scans) > 0; m.check(m.T) {
		if time.Now().After(enough) {
			m.Fatalf("10 minutes later %v are still queued, and %d scans wait", sortedVersions(m.queued), len(m.scans))
		}
		for h := m.pop(last, m.cfg.AckWait); h != nil && last.held[h] != nil; {
			m.step(h)
		}
	}
	for id, seen := range m.seen {
		if _, dead := m.dead[id]; m.copied[id] < seen && !dead {
			m.Fatalf("a scan has seen version %d of %s, and %d was copied", seen, id, m.copied[id])
		}
	}
}
