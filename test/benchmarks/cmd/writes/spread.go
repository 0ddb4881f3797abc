package main

import (
	"fmt"
	"math"
	"slices"
)

// spread describes measured values by what does not depend on their distribution.
type spread struct {
	n              int
	median, q1, q3 float64
	// low and high are where the median of endlessly many values lies, in 95 of
	// 100 runs.
	low, high float64
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	x := slices.Sorted(slices.Values(values))
	// The number of values below the true median is binomial with p = 1/2; its
	// normal approximation gives the ranks.
	n := float64(len(x))
	half := 0.98 * math.Sqrt(n)
	rank := func(r float64) float64 { return x[min(max(int(r), 0), len(x)-1)] }
	return spread{
		n: len(x), median: quantile(x, 0.5), q1: quantile(x, 0.25), q3: quantile(x, 0.75),
		low: rank(math.Floor(n/2 - half)), high: rank(math.Ceil(n/2 + half)),
	}
}

// quantile interpolates between sorted values.
func quantile(x []float64, q float64) float64 {
	at := q * float64(len(x)-1)
	i := int(at)
	if i+1 == len(x) {
		return x[i]
	}
	return x[i] + (at-float64(i))*(x[i+1]-x[i])
}

// String is the median and the quartiles.
func (s spread) String() string {
	if s.n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f [%.2f–%.2f]", s.median, s.q1, s.q3)
}
