//go:build soak

package caddymodule

import (
	"os"
	"sync"
	"time"
)

// ahead is how far the clock of this replica is ahead, from the environment of the soak test.
var ahead = sync.OnceValue(func() time.Duration {
	d, err := time.ParseDuration(os.Getenv("SOAK_CLOCK_AHEAD"))
	if err != nil {
		return 0
	}
	return d
})

func clock() time.Time { return time.Now().Add(ahead()) }
