package component

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Stop tells the outputs of a stream that the stream is to stop. The engine tells
// only the inputs, and an output that never connected would go on trying, with the
// messages that wait for it, until the time for a good end is over.
type Stop struct {
	mu sync.Mutex
	// inputs counts those that run, and were not told to stop.
	inputs  int
	stopped chan struct{}
}

// stopKey is where the Stop of a stream is among the resources.
type stopKey struct{ stream string }

// StopOf returns the Stop of the stream that a component belongs to.
func StopOf(res *service.Resources) *Stop {
	s, _ := res.GetOrSetGeneric(stopKey{res.StreamID()}, &Stop{stopped: make(chan struct{})})
	return s.(*Stop)
}

// InputStop is what an input tells the Stop of its stream.
type InputStop struct {
	stop *Stop

	mu sync.Mutex
	// forget ends the watch.
	forget func() bool
}

// Input registers an input. A stream that begins anew, under the same name, is not
// to stop any more.
func (s *Stop) Input() *InputStop {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopped() {
		s.stopped = make(chan struct{})
	}
	return &InputStop{stop: s}
}

// Watch says which context the engine cancels when the input is to stop, and what the
// input does then, before the outputs hear of it. Only the first call does something.
func (i *InputStop) Watch(ctx context.Context, first func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.forget != nil {
		return
	}
	i.stop.mu.Lock()
	defer i.stop.mu.Unlock()
	i.stop.inputs++
	i.forget = context.AfterFunc(ctx, func() {
		first()
		i.stop.end(true)
	})
}

// Close says that the input is gone. One that ended by itself stops nothing: what
// it read is still to be delivered.
func (i *InputStop) Close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.forget != nil && i.forget() {
		i.stop.end(false)
	}
}

// end is that of an input. The last one that is told to stop stops the stream. One
// that connects only now, while the stream stops, is another last one.
func (s *Stop) end(told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inputs--; s.inputs == 0 && told && !s.isStopped() {
		close(s.stopped)
	}
}

// Context returns ctx, cancelled also when the stream is to stop.
func (s *Stop) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stopped := s.channel()
	go func() {
		select {
		case <-stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Stopping reports whether the stream is to stop.
func (s *Stop) Stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isStopped()
}

// isStopped is called with the lock held.
func (s *Stop) isStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

func (s *Stop) channel() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}
