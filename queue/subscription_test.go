package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDrainGivesBackWhatWasNotPopped(t *testing.T) {
	cfg := testConfig(t)
	cfg.AckWait = time.Hour
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a", "b", "c")
	held := pop(t, s)
	require.Eventually(t, func() bool { return heldBy(s) == 3 }, patience, time.Millisecond)
	s.Drain()
	require.NoError(t, held.Context().Err(), "what was popped is finished")
	_, err := s.Pop(testContext(t), 1)
	require.ErrorIs(t, err, io.EOF)

	other := subscribe(t, q)
	start := time.Now()
	for range 2 {
		d := pop(t, other)
		assert.GreaterOrEqual(t, d.Deliveries(), 2)
		assert.Equal(t, 1, attempt(t, d), "it cost no attempt")
		require.NoError(t, d.Ack(testContext(t)))
	}
	assert.Less(t, time.Since(start), patience, "long before ack_wait")
	require.NoError(t, held.Ack(testContext(t)))
	assert.Zero(t, messages(t, q, "ingest"))
}

func TestCloseCancelsAndGivesBack(t *testing.T) {
	cfg := testConfig(t)
	cfg.AckWait = time.Hour
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a")
	d := pop(t, s)
	require.NoError(t, s.Close(testContext(t)))
	require.Error(t, d.Context().Err())
	require.NoError(t, d.Ack(testContext(t)), "too late, and no harm")
	again := pop(t, subscribe(t, q))
	assert.GreaterOrEqual(t, again.Deliveries(), 2)
	assert.Equal(t, 1, attempt(t, again))
}

func TestPopEndsWithDrain(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	popped := make(chan error, 1)
	go func() {
		_, err := s.Pop(context.Background(), 1)
		popped <- err
	}()
	s.Drain()
	select {
	case err := <-popped:
		require.ErrorIs(t, err, io.EOF)
	case <-time.After(patience):
		t.Fatal("it waits for ever")
	}
}

func TestPopTakesBatches(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	publish(t, q, "a", "b", "c", "d")
	require.Eventually(t, func() bool { return heldBy(s) == 4 }, patience, time.Millisecond)
	batch, err := s.Pop(testContext(t), 3)
	require.NoError(t, err)
	require.Len(t, batch, 3)
	batch, err = s.Pop(testContext(t), 3)
	require.NoError(t, err)
	require.Len(t, batch, 1, "what is there is enough")
}

func TestPopFailsWhenTheConsumerIsGone(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a")
	require.NoError(t, pop(t, s).Ack(testContext(t)))
	require.NoError(t, q.conn.js.DeleteConsumer(testContext(t), "ingest", "ingest__wf"))
	_, err := s.Pop(testContext(t), 1)
	require.ErrorContains(t, err, "is gone")
}

func TestWorkersShareTheWork(t *testing.T) {
	q := open(t, testConfig(t))
	const n = 200
	for i := range n {
		publish(t, q, fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	var workers []*Subscription
	for range 3 {
		s := subscribe(t, q)
		workers = append(workers, s)
		wg.Go(func() {
			for {
				batch, err := s.Pop(testContext(t), 2)
				if errors.Is(err, io.EOF) || !assert.NoError(t, err) {
					return
				}
				for _, d := range batch {
					mu.Lock()
					seen[string(d.Data())]++
					mu.Unlock()
					assert.NoError(t, d.Ack(testContext(t)))
				}
			}
		})
	}
	require.Eventually(t, func() bool { return messages(t, q, "ingest") == 0 }, patience, 10*time.Millisecond)
	for _, s := range workers {
		s.Drain()
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, seen, n)
	for id, times := range seen {
		assert.Equal(t, 1, times, id)
	}
}
