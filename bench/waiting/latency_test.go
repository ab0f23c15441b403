package waiting_test

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	thousand := make([]int, 1000)
	for i := range thousand {
		thousand[i] = 1000 - i
	}
	for name, row := range map[string]struct {
		milliseconds []int
		q            float64
		want         time.Duration
	}{
		"none":                 {nil, 0.5, 0},
		"one":                  {[]int{7}, 0.999, 7 * time.Millisecond},
		"the median of three":  {[]int{9, 1, 5}, 0.5, 5 * time.Millisecond},
		"the longest":          {thousand, 1, time.Second},
		"one in a thousand":    {thousand, 0.999, 999 * time.Millisecond},
		"one in a hundred":     {thousand, 0.99, 990 * time.Millisecond},
		"the shortest of many": {thousand, 0, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l waiting.Latencies
			for _, ms := range row.milliseconds {
				l.Add(time.Duration(ms) * time.Millisecond)
			}
			if got := l.Quantile(row.q); got != row.want || l.Len() != len(row.milliseconds) {
				t.Errorf("%s of %d, want %s", got, l.Len(), row.want)
			}
		})
	}
}
