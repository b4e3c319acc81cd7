package queue

import (
	"context"
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ingest-bundle/ingest"
)

// check compares the queue with what must be true.
func (m *model) check(rt *rapid.T) {
	m.collectScans(rt)
	stored := m.stored(rt)
	for v := range m.queued {
		if !stored[v] {
			rt.Fatalf("the message of %s is lost", v)
		}
	}
	m.checkDeadLetters(rt)
	for _, w := range m.workers {
		for h := range w.held {
			if !h.live() && !w.lost {
				rt.Fatalf("%s may not go on with %s: %v", w.name, h.of, context.Cause(h.d.Context()))
			}
		}
	}
}

// collectScans takes note of what scans have published by now.
func (m *model) collectScans(rt *rapid.T) {
	synctest.Wait()
	m.scans = slices.DeleteFunc(m.scans, func(s *modelScan) bool {
		var err error
		select {
		case err = <-s.done:
		default:
			return false
		}
		m.seen[s.saw.id] = max(m.seen[s.saw.id], s.saw.n)
		if errors.Is(err, ingest.ErrAlreadyQueued) {
			m.logf("%s is queued already", s.saw)
			m.alreadyQueued(s.saw)
			return true
		}
		require.NoError(rt, err)
		m.logf("%s is queued", s.saw)
		m.promise(s.saw.listed(), s.saw.n)
		return true
	})
}

// stored returns what the stream holds. A version that waits and is queued once more
// beside that, since its element was free, is done twice.
func (m *model) stored(rt *rapid.T) map[revision]bool {
	all := map[revision]bool{}
	stream, err := m.scanner.stream(context.Background())
	require.NoError(rt, err)
	err = eachMessage(context.Background(), stream, m.scanner.cfg.filter(), func(raw *jetstream.RawStreamMsg) error {
		v := versionOf(raw.Data, raw.Header.Get("Ingest-Etag"))
		all[v] = true
		if m.queued[v] == nil && raw.Subject != elementSubject(m.cfg.Subject, v.id) {
			m.promise(v, v.n)
		}
		return nil
	})
	require.NoError(rt, err)
	return all
}

func (m *model) checkDeadLetters(rt *rapid.T) {
	n := 0
	err := m.scanner.DeadLetters(context.Background(), func(dl *DeadLetter) error {
		n++
		want := m.dead[dl.ID]
		got := modelDead{of: versionOf(dl.Data, dl.Headers.Get("Ingest-Etag")), stands: want.stands, attempts: dl.Attempts, why: dl.Error}
		require.Equal(rt, want, got, "dead letter of %s", dl.ID)
		return nil
	})
	require.NoError(rt, err)
	require.Len(rt, m.dead, n, "dead letters")
}

// checkDelivery looks whether the message may be delivered.
func (m *model) checkDelivery(h *modelHeld) {
	if !h.live() {
		return
	}
	p, ok := m.queued[h.of]
	if !ok {
		m.Fatalf("%s is delivered, and is not in the queue", h.of)
	}
	if now := time.Now(); now.Before(p.notBefore) {
		m.Fatalf("%s is delivered %s before its next attempt", h.of, p.notBefore.Sub(now))
	}
	for _, w := range m.workers {
		for other := range w.held {
			if other.of.id == h.of.id && other.live() {
				m.Fatalf("%s is delivered to %s while %s works on %s", h.of, h.worker.name, w.name, other.of)
			}
		}
	}
	if h.worker.lost {
		return
	}
	attempt, err := h.d.Attempt(context.Background())
	require.NoError(m, err)
	if attempt != p.failed+1 {
		m.Fatalf("%s is said to be at attempt %d after %d failed attempts", h.of, attempt, p.failed)
	}
}
