//go:build !soak

package caddymodule

import "time"

// clock returns the time for gateways, signing keys and stores. The build of the soak test has another
// one, for a replica whose clock is ahead.
func clock() time.Time { return time.Now() }
