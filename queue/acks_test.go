package queue

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAcksOfAGroupAreAllConfirmed(t *testing.T) {
	cfg := testConfig(t)
	cfg.Prefetch, cfg.MaxAckPending = 256, 1024
	q := open(t, cfg)
	s := subscribe(t, q)
	const n = 500
	for i := range n {
		publish(t, q, fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for range n {
		d := pop(t, s)
		wg.Go(func() { assert.NoError(t, d.Ack(testContext(t))) })
	}
	wg.Wait()
	require.Zero(t, messages(t, q, "ingest"), "whoever was answered can rely on it")
}

func TestAcksOfAGroupFailTogether(t *testing.T) {
	srv := runServer(t, nil)
	cfg := testConfig(t)
	cfg.Server = Server{URLs: []string{srv.ClientURL()}}
	q := open(t, cfg)
	s := subscribe(t, q)
	publish(t, q, "a", "b", "c")
	var group []*pendingAck
	for range 3 {
		group = append(group, &pendingAck{msg: pop(t, s).(*Delivery).msg})
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	require.Error(t, confirmGroup(group))
}
