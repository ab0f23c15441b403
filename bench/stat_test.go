package main

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		sample []float64
		want   float64
	}{
		"one":                {[]float64{3}, 3},
		"odd, in no order":   {[]float64{9, 1, 5}, 5},
		"even, in no order":  {[]float64{9, 1, 5, 3}, 4},
		"one far from all":   {[]float64{1, 1, 1, 1000}, 1},
		"all of them equals": {[]float64{2, 2, 2, 2}, 2},
	} {
		if got := median(row.sample); got != row.want {
			t.Errorf("%s: %g, want %g", name, got, row.want)
		}
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()
	got := ratios([]float64{10, 40, 90}, []float64{10, 20, 30})
	if diff := cmp.Diff([]float64{1, 2, 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestIntervalHoldsTheMedian draws many samples from a distribution whose median is known: about 95
// in 100 intervals must have it inside, and they must not be wider for that than samples of 40 need.
func TestIntervalHoldsTheMedian(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const repetitions, size = 200, 40
	inside, width := 0, 0.0
	for range repetitions {
		sample := make([]float64, size)
		for i := range sample {
			sample[i] = 10 + random.NormFloat64()
		}
		e := estimated(sample, random)
		if e.low > e.median || e.median > e.high {
			t.Fatalf("the interval is %v", e)
		}
		if e.low <= 10 && 10 <= e.high {
			inside++
		}
		width += (e.high - e.low) / repetitions
	}
	if inside < repetitions*88/100 || inside == repetitions {
		t.Errorf("%d of %d intervals hold the median", inside, repetitions)
	}
	// 2 * 1.96 * the median's standard error, 1.2533/sqrt(40).
	if width < 0.6 || width > 0.95 {
		t.Errorf("they are %g wide, want about 0.78", width)
	}
}
