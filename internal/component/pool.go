package component

import (
	"math/bits"
	"sync"
)

// smallestBuffer is the size of the smallest class of buffers, in bits: 4 KiB.
const smallestBuffer = 12

// Pool keeps memory that is given back for the next who needs as much.
type Pool struct {
	// classes holds buffers of a power of two each.
	classes [64]sync.Pool
}

// Get returns memory of a size, with whatever it held before, and the function that
// gives it back, which must be called once.
func (p *Pool) Get(size int64) (memory []byte, giveBack func()) {
	class := max(smallestBuffer, bits.Len64(uint64(max(size, 1)-1)))
	whole, ok := p.classes[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<class)
		whole = &fresh
	}
	return (*whole)[:size], func() { p.classes[class].Put(whole) }
}
