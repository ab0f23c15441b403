package main

import (
	"math/rand/v2"
	"slices"
)

// resamples is the number of samples that are drawn for an interval.
const resamples = 2000

// estimate is the median of a sample, with its 95 % confidence interval.
type estimate struct{ median, low, high float64 }

// estimated computes the interval with the bootstrap: the medians of samples that are drawn from the
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

// median returns the median of a sample. It sorts the sample.
func median(sample []float64) float64 {
	slices.Sort(sample)
	middle := len(sample) / 2
	if len(sample)%2 == 1 {
		return sample[middle]
	}
	return (sample[middle-1] + sample[middle]) / 2
}

// ratios returns the quotients of measurements of the same round.
func ratios(of, against []float64) []float64 {
	quotients := make([]float64, len(of))
	for i := range of {
		quotients[i] = of[i] / against[i]
	}
	return quotients
}
