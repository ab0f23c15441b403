package store

import (
	"testing"
	"time"
)

func TestArrive(t *testing.T) {
	t.Parallel()
	const (
		now    = int64(1_000 * time.Second)
		second = int64(time.Second)
		window = 10 * second
	)
	for name, row := range map[string]struct {
		arrival, limit     int64
		wantNext, wantWait int64
	}{
		"the first event":              {arrival: now, limit: 10, wantNext: now + second},
		"a key that was quiet":         {arrival: 1, limit: 10, wantNext: now + second},
		"the last of a burst":          {arrival: now + 9*second, limit: 10, wantNext: now + 10*second},
		"one too many":                 {arrival: now + 10*second, limit: 10, wantNext: now + 10*second, wantWait: second},
		"half paid for":                {arrival: now + 19*second/2, limit: 10, wantNext: now + 19*second/2, wantWait: second / 2},
		"one in a window":              {arrival: now, limit: 1, wantNext: now + window},
		"more than nanoseconds":        {arrival: now, limit: 1 << 62, wantNext: now + 1},
		"a clock that was set back":    {arrival: now + 1_000*second, limit: 10, wantNext: now + window, wantWait: second},
		"a limit that does not divide": {arrival: now + 9*second, limit: 3, wantNext: now + 9*second, wantWait: 9*second + window/3 - window},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next, wait := arrive(row.arrival, now, row.limit, window)
			if next != row.wantNext || wait != row.wantWait {
				t.Errorf("arrive = %d, %d, want %d, %d", next-now, wait, row.wantNext-now, row.wantWait)
			}
		})
	}
}
