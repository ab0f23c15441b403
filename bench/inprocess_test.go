package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadBench(t *testing.T) {
	t.Parallel()
	const output = `goos: linux
BenchmarkA/b         	  242691	      2854 ns/op	     528 B/op	       4 allocs/op
BenchmarkA/b         	  242690	      2800.5 ns/op	     528 B/op	       4 allocs/op
BenchmarkA/b-2       	  335154	      1400 ns/op	     528 B/op	       4 allocs/op
PASS
`
	want := map[string]measured{
		"BenchmarkA/b":   {"ns/op": {2854, 2800.5}, "B/op": {528, 528}, "allocs/op": {4, 4}},
		"BenchmarkA/b-2": {"ns/op": {1400}, "B/op": {528}, "allocs/op": {4}},
	}
	got, err := readBench([]byte(output))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadBenchRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"BenchmarkA 1 fast ns/op", "BenchmarkA 1 10 ns/op 20"} {
		if _, err := readBench([]byte(line)); !errors.Is(err, errAnswer) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
