package queue

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// acks confirms acknowledgements in groups: the server handles those of one
// connection in order, so its answer to the last confirms those before. What comes
// while an answer is awaited is the next group.
type acks struct {
	mu      sync.Mutex
	waiting []*pendingAck
	// running says that a group is awaited.
	running bool
}

type pendingAck struct {
	msg  jetstream.Msg
	done chan error
}

// confirm acknowledges the message, and waits until the server has it done. If it
// fails, the server may have done it all the same.
func (a *acks) confirm(ctx context.Context, msg jetstream.Msg) error {
	p := &pendingAck{msg: msg, done: make(chan error, 1)}
	a.mu.Lock()
	a.waiting = append(a.waiting, p)
	if !a.running {
		a.running = true
		go a.run()
	}
	a.mu.Unlock()
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run confirms group after group, until nothing waits.
func (a *acks) run() {
	for {
		a.mu.Lock()
		group := a.waiting
		a.waiting = nil
		a.running = len(group) > 0
		a.mu.Unlock()
		if len(group) == 0 {
			return
		}
		err := confirmGroup(group)
		for _, p := range group {
			p.done <- err
		}
	}
}

func confirmGroup(group []*pendingAck) error {
	last := len(group) - 1
	for _, p := range group[:last] {
		if err := p.msg.Ack(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	return group[last].msg.DoubleAck(ctx)
}
