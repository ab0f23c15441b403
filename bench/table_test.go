package main

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	rows := []row{
		{what: "a control", sample: []float64{1, 1, 1}},
		{what: "reached", sample: []float64{1.03, 1.03}, goal: 1.04},
		{what: "missed", unit: "ms", sample: []float64{2, 2}, goal: 1},
		{what: "reached with its better end", sample: []float64{1, 1.2}, goal: 1.05},
		{what: "enough", sample: []float64{1.9, 1.9}, goal: 1.8, atLeast: true},
		{what: "too little", sample: []float64{1.7, 1.7}, goal: 1.8, atLeast: true},
		{what: "measured once", unit: "bytes", sample: []float64{1000}, goal: 1024},
	}
	const want = `| What | Unit | Median | 95 % interval | Goal | Reached |
|---|---|---|---|---|---|
| a control | ratio | 1.00 | 1.00 to 1.00 |  |  |
| reached | ratio | 1.03 | 1.03 to 1.03 | at most 1.04 | yes |
| missed | ms | 2.00 | 2.00 to 2.00 | at most 1.00 | **no** |
| reached with its better end | ratio | 1.10 | 1.00 to 1.20 | at most 1.05 | yes |
| enough | ratio | 1.90 | 1.90 to 1.90 | at least 1.80 | yes |
| too little | ratio | 1.70 | 1.70 to 1.70 | at least 1.80 | **no** |
| measured once | bytes | 1000 |  | at most 1024 | yes |
`
	if diff := cmp.Diff(want, table(rows, rand.New(rand.NewPCG(1, 2)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
