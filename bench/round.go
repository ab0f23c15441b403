package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// perRun is the number of requests of one server in one round. It is small, so that other work of the
// machine falls on all servers.
const perRun = 1500

// contender is a server with one kind of request.
type contender struct {
	name   string
	server *server
	want   expected
	// prepare makes the requests of a run. Its cost is not measured.
	prepare func(n int) ([][]byte, error)

	load *load
	// spent holds the CPU time of a request in each round, in microseconds.
	spent []float64
}

// always sends the same requests in every run.
func always(requests ...[]byte) func(int) ([][]byte, error) {
	return func(int) ([][]byte, error) { return requests, nil }
}

// play runs all contenders in each round, in a new order. A first round does not count.
func play(ctx context.Context, contenders []*contender, rounds int, random *rand.Rand) error {
	for _, c := range contenders {
		var err error
		if c.load, err = dial(c.server.addr); err != nil {
			return err
		}
		defer c.load.close()
	}
	for round := range rounds + 1 {
		for _, i := range random.Perm(len(contenders)) {
			c := contenders[i]
			spent, err := c.run(perRun)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				c.spent = append(c.spent, spent)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// run measures one run.
func (c *contender) run(n int) (microseconds float64, err error) {
	requests, err := c.prepare(n)
	if err != nil {
		return 0, err
	}
	spent, err := c.server.cpu(func() error { return c.load.run(requests, n, c.want) })
	return float64(spent) / float64(n) / float64(time.Microsecond), err
}
