package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
)

// row is one line of the table.
type row struct {
	what   string
	unit   string
	sample []float64
	// goal bounds the median from above, or from below with atLeast; zero is none.
	goal    float64
	atLeast bool
}

// verdict returns whether the median, or the better end of its interval, reaches the goal.
func (r row) verdict(e estimate) string {
	switch {
	case r.goal == 0:
		return ""
	case !r.atLeast && e.low <= r.goal, r.atLeast && e.high >= r.goal:
		return "yes"
	}
	return "**no**"
}

func (r row) wanted() string {
	switch {
	case r.goal == 0:
		return ""
	case r.atLeast:
		return fmt.Sprintf("at least %s", number(r.goal))
	}
	return fmt.Sprintf("at most %s", number(r.goal))
}

// number writes small numbers with three digits, and large ones without a fraction.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// table writes rows as Markdown.
func table(rows []row, random *rand.Rand) string {
	var b strings.Builder
	b.WriteString("| What | Unit | Median | 95 % interval | Goal | Reached |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		e := estimated(r.sample, random)
		interval := "" // one measurement has none
		if len(r.sample) > 1 {
			interval = number(e.low) + " to " + number(e.high)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n",
			r.what, cmp.Or(r.unit, "ratio"), number(e.median), interval, r.wanted(), r.verdict(e))
	}
	return b.String()
}
