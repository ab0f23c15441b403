package caddymodule

import "time"

// The peers whose clocks are compared with this machine's clock.
const (
	peerSignicat = "signicat"
	peerStore    = "store"
)

// clockedStore is implemented by stores with a clock of their own.
type clockedStore interface {
	ClockAhead() (ahead time.Duration, known bool)
}

// clockOffsets returns how far this machine's clock is ahead of each peer that has answered.
func (i *instance) clockOffsets() map[string]time.Duration {
	offsets := make(map[string]time.Duration)
	if ahead, known := i.gateway.ClockAhead(); known {
		offsets[peerSignicat] = ahead
	}
	if i.clocked != nil {
		if ahead, known := i.clocked.ClockAhead(); known {
			offsets[peerStore] = ahead
		}
	}
	return offsets
}
