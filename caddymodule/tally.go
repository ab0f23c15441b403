package caddymodule

import (
	"math/rand/v2"
	"sync/atomic"
)

// stripes is over how many cache lines a tally is spread.
const stripes = 8

// tally counts what happens on every request, so that cores need not wait for each other's: which
// of its stripes grows is left to chance. The zero value has counted nothing.
type tally [stripes]struct {
	n atomic.Uint64
	_ [56]byte // the rest of a cache line
}

func (t *tally) add() { t[rand.Uint32()%stripes].n.Add(1) }

func (t *tally) total() float64 {
	var sum uint64
	for i := range t {
		sum += t[i].n.Load()
	}
	return float64(sum)
}
