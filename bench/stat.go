package main

import (
	"math/rand/v2"
	"slices"
)

// resamples is how often an interval's sample is drawn again.
const resamples = 2000

// estimate is the median of a sample, and the interval in which it would lie in 95 of 100
// repetitions.
type estimate struct{ median, low, high float64 }

// estimated takes the interval from the bootstrap: the medians of samples that are drawn from the
// sample itself, with replacement (Efron, 1979, "Bootstrap Methods: Another Look at the Jackknife").
func estimated(sample []float64, random *rand.Rand) estimate {
	medians := make([]float64, resamples)
	drawn := make([]float64, len(sample))
	for i := range medians {
		for j := range drawn {
			drawn[j] = sample[random.IntN(len(sample))]
		}
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return estimate{
		median: median(slices.Clone(sample)),
		low:    medians[resamples*25/1000],
		high:   medians[resamples*975/1000-1],
	}
}

// median is that of a sample, which it sorts.
func median(sample []float64) float64 {
	slices.Sort(sample)
	middle := len(sample) / 2
	if len(sample)%2 == 1 {
		return sample[middle]
	}
	return (sample[middle-1] + sample[middle]) / 2
}

// ratios are the quotients of what was measured in the same round.
func ratios(of, against []float64) []float64 {
	quotients := make([]float64, len(of))
	for i := range of {
		quotients[i] = of[i] / against[i]
	}
	return quotients
}
