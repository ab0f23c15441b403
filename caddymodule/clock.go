//go:build !soak

package caddymodule

import "time"

// clock returns the time for gateways, signing keys and stores. The build tag soak replaces it, to run a
// replica whose clock is ahead.
func clock() time.Time { return time.Now() }
