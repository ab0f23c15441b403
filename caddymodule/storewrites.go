package caddymodule

import "github.com/caddy-itsme/caddy-itsme/store/redis"

// refusingStore is a store whose server may refuse writes, although it answers.
type refusingStore interface {
	Writable() bool
	Refusals() map[redis.Cause]uint64
}

// writable reports whether the store takes writes. A store in memory always does.
func (i *instance) writable() bool { return i.refusing == nil || i.refusing.Writable() }

// refusals returns how many commands the store's server refused, by cause.
func (i *instance) refusals() map[string]uint64 {
	if i.refusing == nil {
		return nil
	}
	all := make(map[string]uint64)
	for cause, n := range i.refusing.Refusals() {
		all[string(cause)] = n
	}
	return all
}
