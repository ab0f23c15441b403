package caddymodule

import (
	"time"

	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// The peers whose clocks are compared with this machine's clock.
const (
	peerSignicat = "signicat"
	peerStore    = "store"
)

// remoteStore is implemented by stores on a server, which has a clock of its own and may refuse writes although it
// answers.
type remoteStore interface {
	ClockAhead() (ahead time.Duration, known bool)
	Writable() bool
	Refusals() map[redis.Cause]uint64
}

// clockOffsets returns how far this machine's clock is ahead of each peer that has answered.
func (i *instance) clockOffsets() map[string]time.Duration {
	offsets := make(map[string]time.Duration)
	if ahead, known := i.gateway.ClockAhead(); known {
		offsets[peerSignicat] = ahead
	}
	if i.remote != nil {
		if ahead, known := i.remote.ClockAhead(); known {
			offsets[peerStore] = ahead
		}
	}
	return offsets
}

// writable reports whether the store takes writes. A store in memory always does.
func (i *instance) writable() bool { return i.remote == nil || i.remote.Writable() }

// refusals returns how many commands the store's server refused, by cause.
func (i *instance) refusals() map[redis.Cause]uint64 {
	if i.remote == nil {
		return nil
	}
	return i.remote.Refusals()
}
