package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"time"
)

const (
	// countedDelay is the delay by which round trips are counted.
	countedDelay = 100 * time.Millisecond
	// tripRounds is how often each call is timed at each distance.
	tripRounds = 5
)

// distances are the times of a round trip to Redis for which the table has latencies.
var distances = []time.Duration{time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond}

// farCall is one thing that clients do, timed at a gateway whose Redis is far away.
type farCall struct {
	name  string
	trips float64 // that it may take at most
	time  func(context.Context) (time.Duration, error)
}

// measureTrips counts the round trips to Redis by the latency that a delay adds, and measures the latency
// at each distance.
func measureTrips(ctx context.Context, l *lab) ([]row, error) {
	proxy, stop, err := l.farRedis(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	more := "refresh 30d"
	store := "store redis {\n\t\t\taddress " + proxy.Addr().String() + "\n\t\t\tsecret bench-bench-bench-bench-bench-bench\n\t\t}"
	a, err := l.apps(ctx, "{{token}}", more, "{{store}}", store)
	if err != nil {
		return nil, err
	}
	if err := a.awaitStore(ctx); err != nil {
		return nil, err
	}
	calls := a.farCalls()
	took := make(map[time.Duration]map[string][]float64)
	for _, delay := range append([]time.Duration{0, countedDelay}, distances...) {
		proxy.set(delay)
		if took[delay], err = timeAll(ctx, calls); err != nil {
			return nil, fmt.Errorf("with Redis %v away: %w", delay, err)
		}
	}
	var rows []row
	for _, c := range calls {
		var trips []float64
		for i, ms := range took[countedDelay][c.name] {
			trips = append(trips, (ms-took[0][c.name][i])/float64(countedDelay.Milliseconds()))
		}
		rows = append(rows, row{what: "round trips to Redis: " + c.name, unit: "trips", sample: trips, goal: c.trips + 0.5})
	}
	for _, c := range calls {
		for _, d := range distances {
			rows = append(rows, row{what: fmt.Sprintf("%s, with Redis %v away", c.name, d), unit: "ms", sample: took[d][c.name]})
		}
	}
	return rows, nil
}

func timeAll(ctx context.Context, calls []farCall) (map[string][]float64, error) {
	took := make(map[string][]float64)
	for range tripRounds {
		for _, c := range calls {
			d, err := c.time(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			took[c.name] = append(took[c.name], float64(d)/float64(time.Millisecond))
		}
	}
	return took, nil
}

// farRedis starts a redis-server, and a proxy that makes it look far away.
func (l *lab) farRedis(ctx context.Context) (proxy *delayProxy, stop func(), err error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	server := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", l.dir)
	if err := server.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting redis-server: %w", err)
	}
	if proxy, err = newDelayProxy(addr); err != nil {
		_ = server.Process.Kill()
		return nil, nil, err
	}
	return proxy, func() {
		_ = proxy.Close()
		_ = server.Process.Kill()
		_ = server.Wait()
	}, nil
}
