package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// measured are the results of one Go benchmark, by their unit.
type measured map[string][]float64

// goBench runs benchmarks of a package on one core and on two.
func goBench(ctx context.Context, path, pattern string) (map[string]measured, error) {
	return goTest(ctx, "-run", "^$", "-bench", pattern, "-benchmem", "-cpu", "1,2", "-count", "5", "-benchtime", "0.2s", path)
}

// goTest runs go test, and reads the lines of benchmarks that it writes.
func goTest(ctx context.Context, arguments ...string) (map[string]measured, error) {
	output, err := exec.CommandContext(ctx, "go", append([]string{"test"}, arguments...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test %s: %w: %s", strings.Join(arguments, " "), err, output)
	}
	return readBench(output)
}

// readBench reads the format of https://go.dev/design/14313-benchmark-format: a name, how often it
// ran, and values with their units.
func readBench(output []byte) (map[string]measured, error) {
	results := make(map[string]measured)
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		m := results[fields[0]]
		if m == nil {
			m = make(measured)
			results[fields[0]] = m
		}
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err != nil || len(pair) != 2 {
				return nil, fmt.Errorf("%w: benchmark line %q", errAnswer, lines.Text())
			}
			m[pair[1]] = append(m[pair[1]], value)
		}
	}
	return results, nil
}

// minus returns the difference of two benchmarks.
func minus(a, b []float64) []float64 {
	differences := make([]float64, min(len(a), len(b)))
	for i := range differences {
		differences[i] = a[i] - b[i]
	}
	return differences
}

// measureInProcess returns the rows that need no server.
func measureInProcess(ctx context.Context) ([]row, error) {
	handler, err := goBench(ctx, "./caddymodule", "^BenchmarkHandler$")
	if err != nil {
		return nil, err
	}
	site, err := goBench(ctx, "./gateway", "^Benchmark(Authenticated|Refused)$")
	if err != nil {
		return nil, err
	}
	tokens, err := goBench(ctx, "./token", "^BenchmarkVerify(Session)?$")
	if err != nil {
		return nil, err
	}
	ours, alone := handler["BenchmarkHandler/itsme"], handler["BenchmarkHandler/caddy_alone"]
	one, two := site["BenchmarkAuthenticated/bearer"], site["BenchmarkAuthenticated/bearer-2"]
	rows := []row{
		{what: "in process: the handler, of an authenticated request", unit: "ns", sample: minus(ours["ns/op"], alone["ns/op"]), goal: 3000},
		{what: "in process: its allocations", unit: "allocations", sample: minus(ours["allocs/op"], alone["allocs/op"]), goal: 10},
		{what: "in process: its memory", unit: "bytes", sample: minus(ours["B/op"], alone["B/op"]), goal: 1536},
		{what: "in process: two goroutines against one", sample: ratios(one["ns/op"], two["ns/op"]), goal: 1.8, atLeast: true},
		{what: "in process: a known cookie, against a known token", sample: ratios(site["BenchmarkAuthenticated/cookie"]["ns/op"], one["ns/op"]), goal: 1.1},
		{what: "in process: the first sight of a cookie, against that of a token", sample: ratios(tokens["BenchmarkVerifySession/ES256"]["ns/op"], tokens["BenchmarkVerify/ES256"]["ns/op"]), goal: 1.5},
		{what: "in process: garbage of 8 KiB, refused", unit: "ns", sample: site["BenchmarkRefused/8_KiB_garbage"]["ns/op"], goal: 10_000},
		{what: "in process: 8 KiB with a good header, refused", unit: "ns", sample: site["BenchmarkRefused/8_KiB_with_a_good_header"]["ns/op"], goal: 10_000},
		{what: "in process: 8 KiB with the header of an encrypted token, refused", unit: "ns", sample: site["BenchmarkRefused/8_KiB_that_do_not_open"]["ns/op"]},
		{what: "in process: a known token with a garbage proof, refused", unit: "ns", sample: site["BenchmarkRefused/a_garbage_proof"]["ns/op"], goal: 10_000},
		{what: "in process: an ill-signed token, refused", unit: "ns", sample: site["BenchmarkRefused/ill-signed"]["ns/op"]},
	}
	return rows, complete(rows)
}

// complete returns an error for a row without a measurement.
func complete(rows []row) error {
	for _, r := range rows {
		if len(r.sample) == 0 {
			return fmt.Errorf("%w: no benchmark measures %s", errAnswer, r.what)
		}
	}
	return nil
}
