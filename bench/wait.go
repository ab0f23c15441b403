package main

import "context"

// measureWaiting returns the rows of waiting clients, of logins that expire, and of tokens in the cache. The
// benchmarks are in bench/waiting and beside the cache.
func measureWaiting(ctx context.Context) ([]row, error) {
	apps, err := goTest(ctx, "-count", "1", "-tags", "measure", "-run", "^TestMeasureWaiting$", "-v", "./bench/waiting", "-during", "15s")
	if err != nil {
		return nil, err
	}
	sessions, err := goTest(ctx, "-count", "1", "-tags", "measure", "-run", "^TestMeasurePending$", "-v", "./bench/waiting", "-rounds", "10")
	if err != nil {
		return nil, err
	}
	kept, err := goTest(ctx, "-run", "^$", "-bench", "^BenchmarkKeep$", "-cpu", "2", "-benchtime", "3x", "-count", "3", "./gateway/internal/identity")
	if err != nil {
		return nil, err
	}
	waiting, keep := apps["BenchmarkWaiting"], kept["BenchmarkKeep-2"]
	rows := []row{
		{what: "10,000 apps that poll every second: the gateway's process", unit: "cores", sample: waiting["cores"], goal: 1},
		{what: "their reads at Signicat, of which the budget is 50 a second", unit: "reads/s", sample: waiting["reads/s"], goal: 50.5},
		{what: "reads of the session that was read most, while others wait for their first", unit: "reads", sample: waiting["reads/session"], goal: 1},
		{what: "a finish meanwhile, beyond one without waiting clients, median", unit: "ms", sample: waiting["longer-ms"]},
		{what: "p99.9 of a request while 100,000 pending sessions expire, against one while none does", sample: sessions["BenchmarkExpiring"]["p99.9-ratio"], goal: 1},
		{what: "keeping one of 100,000 verified tokens, longest, CPU time", unit: "us", sample: keep["longest-us"], goal: 1000},
	}
	return rows, complete(rows)
}
