package share

import (
	"context"
	"time"

	"github.com/ingest-bundle/ingest"
)

// The methods in this file, but progress, are called with the lock held.

// notify wakes up who waits for the channel, or will.
func notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

// wake wakes up the readers.
func (d *download) wake() {
	for _, c := range d.claims {
		notify(c.changed)
	}
	notify(d.changed)
}

// until waits for a condition, or until nobody needs the download. The lock is let go
// meanwhile. The readers that wait do not stall: it is others that they wait for.
func (d *download) until(condition func() bool) {
	var ticker *time.Ticker
	for d.needed() && !condition() {
		if ticker == nil {
			ticker = time.NewTicker(d.group.tick)
			defer ticker.Stop()
			// Who is stuck already is not waited for at all.
			d.letGo()
			continue
		}
		d.lock.Unlock()
		select {
		case <-d.changed:
			d.lock.Lock()
		case <-ticker.C:
			d.progress()
			d.lock.Lock()
			d.letGo()
		}
	}
}

// progress says to the readers that wait that there is some.
func (d *download) progress() {
	var waiting []context.Context
	d.lock.Lock()
	for _, c := range d.claims {
		if c.waits {
			waiting = append(waiting, c.ctx)
		}
	}
	d.lock.Unlock()
	for _, ctx := range waiting {
		ingest.Progress(ctx)
	}
}

// letGo takes their claims from readers that stand still, if others of this download
// wait for them, or other downloads for its memory.
func (d *download) letGo() {
	wanted := d.group.wanted.Load() > 0
	for _, c := range d.claims {
		wanted = wanted || c.waits
	}
	if !wanted {
		return
	}
	for _, c := range d.claims {
		behind := c.state == absent || (c.state == present && c.pos < d.head)
		if behind && !c.waits && !c.copies && d.group.stuck(c.reader) {
			d.leave(c)
		}
	}
}

// leave ends a claim.
func (d *download) leave(c *Claim) {
	if c.state == gone {
		return
	}
	c.state = gone
	d.left--
	if d.left == 0 && d.cancel != nil {
		d.cancel()
	}
	d.wake()
}

// complete reports whether all readers are there that are still expected.
func (d *download) complete() bool {
	for _, c := range d.claims {
		if c.state == absent {
			return false
		}
	}
	return true
}

// needed reports whether anybody needs what is in memory, or will be.
func (d *download) needed() bool {
	for _, c := range d.claims {
		if c.holds() {
			return true
		}
	}
	return false
}

// low is how far all readers are that need what is in memory.
func (d *download) low() int64 {
	low := d.head
	for _, c := range d.claims {
		if c.holds() {
			low = min(low, c.pos)
		}
	}
	return low
}

// room is the memory that can be read into now.
func (d *download) room() []byte {
	size := int64(len(d.ring))
	first := d.head % size
	return d.ring[first:min(first+size-(d.head-d.low()), first+chunk, size)]
}

// held is what is in memory at a position, up to where the ring begins anew.
func (d *download) held(pos int64) []byte {
	size := int64(len(d.ring))
	first := pos % size
	return d.ring[first:min(first+d.head-pos, size)]
}
