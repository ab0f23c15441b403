// Command bench measures what the gateway costs, against Caddy without it, and writes one table.
//
// It measures requests in many short rounds. In each round every server answers the same number of
// requests, in a new order, over connections that stay open. It compares the CPU times of the server
// processes within a round. It runs on Linux, on loopback, in a folder of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o settings
	flag.IntVar(&o.rounds, "rounds", 40, "rounds that count")
	flag.StringVar(&o.write, "write", "", "Markdown file that gets the table, between its two marks")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "order of the servers in each round")
	flag.StringVar(&o.peers, "peers", "", "xcaddy, to measure other software instead")
	flag.BoolVar(&o.trips, "trips", false, "count the round trips to Redis, and nothing else")
	flag.StringVar(&o.profile, "profile", "", "requests to profile instead, such as \"ES256, first sight\"")
	flag.StringVar(&o.into, "into", ".", "folder of the profiles")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	rounds int
	write  string
	peers  string
	trips  bool
	seed   uint64

	profile, into string
}

func run(ctx context.Context, o settings) error {
	random := rand.New(rand.NewPCG(o.seed, 0))
	u, err := newUpstream()
	if err != nil {
		return err
	}
	defer func() { _ = u.Close() }()
	l, err := newLab(ctx, u.Addr().String())
	if err != nil {
		return err
	}
	defer l.close()
	if o.profile != "" {
		return profileRequests(ctx, l, o.profile, o.into, random)
	}
	parts := []func() ([]row, error){
		func() ([]row, error) { return measureRequests(ctx, l, o.rounds, random) },
		func() ([]row, error) { return measureLogins(ctx, l) },
		func() ([]row, error) { return measureTrips(ctx, l) },
		func() ([]row, error) { return measureMemory(ctx, l) },
		func() ([]row, error) { return measureStarts(ctx, l) },
		func() ([]row, error) { return measureWaiting(ctx) },
		func() ([]row, error) { return measureInProcess(ctx) },
	}
	if o.peers != "" {
		parts = []func() ([]row, error){func() ([]row, error) { return measurePeers(ctx, l, o.peers, o.rounds, random) }}
	}
	if o.trips {
		parts = []func() ([]row, error){func() ([]row, error) { return measureTrips(ctx, l) }}
	}
	var rows []row
	for _, measure := range parts {
		measured, err := measure()
		if err != nil {
			return err
		}
		rows = append(rows, measured...)
	}
	text := setting(o.rounds) + table(rows, random)
	fmt.Print(text)
	if o.write == "" {
		return nil
	}
	return writeInto(o.write, text)
}
