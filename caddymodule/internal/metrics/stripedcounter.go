package metrics

import (
	"math/rand/v2"
	"sync/atomic"
)

// stripes is the number of cache lines over which a stripedCounter is spread.
const stripes = 8

// stripedCounter is a counter for events of every request. Each add chooses a stripe at random, so that
// cores rarely wait for one another. The zero value is a counter at zero.
type stripedCounter [stripes]struct {
	n atomic.Uint64
	_ [56]byte // the rest of a cache line
}

func (c *stripedCounter) add() { c[rand.Uint32()%stripes].n.Add(1) }

func (c *stripedCounter) total() float64 {
	var sum uint64
	for i := range c {
		sum += c[i].n.Load()
	}
	return float64(sum)
}
