package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// many is the number of tokens in rotation, when there is more than one.
const many = 10_000

// algorithms has the algorithms of a gateway, each with the goal for the first request with a token against
// plain Caddy.
var algorithms = []struct {
	token.Algorithm
	firstSight float64
}{{token.ES256, 2.0}, {token.EdDSA, 1.8}, {token.RS256, 1.6}}

// requestBench measures requests to Caddy without and with the gateway.
type requestBench struct {
	plain, again, static *contender
	gateways             []*gatewayBench
	refused              *contender
}

// gatewayBench has a gateway for each kind of request, so that the caches of one do not affect another.
type gatewayBench struct {
	name             string
	goal             float64
	one, many, first *gatewayContender
	proven           *gatewayContender
}

type gatewayContender struct {
	*contender
	gateway *protected
}

func (b *requestBench) contenders() []*contender {
	all := []*contender{b.plain, b.again, b.static, b.refused}
	for _, c := range b.protected() {
		all = append(all, c.contender)
	}
	return all
}

// protected returns the contenders behind a gateway.
func (b *requestBench) protected() (all []*gatewayContender) {
	for _, g := range b.gateways {
		all = append(all, g.one, g.many, g.first, g.proven)
	}
	return all
}

// measureRequests starts the servers and returns the rows of all of them.
func measureRequests(ctx context.Context, l *lab, rounds int, random *rand.Rand) ([]row, error) {
	b := new(requestBench)
	if err := b.open(ctx, l); err != nil {
		return nil, err
	}
	if err := play(ctx, b.contenders(), rounds, random); err != nil {
		return nil, err
	}
	return b.rows(), nil
}

func (b *requestBench) open(ctx context.Context, l *lab) error {
	for _, a := range algorithms {
		g := &gatewayBench{name: string(a.Algorithm), goal: a.firstSight}
		if err := g.open(ctx, l, a.Algorithm); err != nil {
			return err
		}
		b.gateways = append(b.gateways, g)
	}
	first := b.gateways[0].one.contender
	b.refused = &contender{
		name: "refused", server: first.server, want: expected{status: 401}, prepare: always(get(first.server.addr, "")),
	}
	tokens, err := first.prepare(1)
	if err != nil {
		return err
	}
	// Every server gets the same request: reading a token costs time in each.
	for _, plain := range []struct {
		at   **contender
		site string
		want byte
	}{{&b.plain, "", anonymous}, {&b.again, "", anonymous}, {&b.static, static, identified}} {
		s, err := l.plain(ctx, plain.site)
		if err != nil {
			return err
		}
		*plain.at = &contender{name: "plain", server: s, want: expected{200, plain.want}, prepare: always(tokens...)}
	}
	return nil
}

func (g *gatewayBench) open(ctx context.Context, l *lab, algorithm token.Algorithm) error {
	for _, kind := range []struct {
		at      **gatewayContender
		what    string
		prepare func(*protected) (func(int) ([][]byte, error), error)
	}{{&g.one, "one token", oneToken}, {&g.many, "many tokens", manyTokens}, {&g.first, "first sight", newTokens}, {&g.proven, "proofs", newProofs}} {
		p, err := l.itsme(ctx, algorithm, "127.0.0.1:1")
		if err != nil {
			return err
		}
		prepare, err := kind.prepare(p)
		if err != nil {
			return err
		}
		*kind.at = &gatewayContender{&contender{
			name: g.name + ", " + kind.what, server: p.server, want: expected{200, identified}, prepare: prepare,
		}, p}
	}
	return nil
}

func oneToken(p *protected) (func(int) ([][]byte, error), error) {
	tokens, err := p.sign(1)
	return always(requests(p.addr, tokens)...), err
}

// manyTokens sends each token to the gateway once before the measurement.
func manyTokens(p *protected) (func(int) ([][]byte, error), error) {
	tokens, err := p.sign(many)
	if err != nil {
		return nil, err
	}
	all := requests(p.addr, tokens)
	l, err := dial(p.addr)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return rotating(all), l.run(all, len(all), expected{200, identified})
}

func newTokens(p *protected) (func(int) ([][]byte, error), error) {
	return func(n int) ([][]byte, error) {
		tokens, err := p.sign(n)
		return requests(p.addr, tokens), err
	}, nil
}

// rotating continues, in every run, after the last token of the run before.
func rotating(all [][]byte) func(int) ([][]byte, error) {
	next := 0
	return func(n int) ([][]byte, error) {
		some := make([][]byte, n)
		for i := range some {
			some[i] = all[(next+i)%len(all)]
		}
		next = (next + n) % len(all)
		return some, nil
	}
}

func (b *requestBench) rows() []row {
	rows := []row{
		{what: "plain Caddy, CPU of a request", unit: "us", sample: b.plain.spent},
		{what: "plain Caddy against itself (control)", sample: ratios(b.again.spent, b.plain.spent)},
		{what: "Caddy with four static headers against plain Caddy", sample: ratios(b.static.spent, b.plain.spent)},
		{what: "refused, no token, against plain Caddy's proxied request", sample: ratios(b.refused.spent, b.plain.spent), goal: 1},
	}
	for _, g := range b.gateways {
		rows = append(rows,
			row{what: g.name + ", one token, against static headers", sample: ratios(g.one.spent, b.static.spent), goal: 1.06},
			row{what: fmt.Sprintf("%s, %d tokens, against static headers", g.name, many), sample: ratios(g.many.spent, b.static.spent), goal: 1.08},
			row{what: g.name + ", a new ES256 proof of a key with every request, against static headers", sample: ratios(g.proven.spent, b.static.spent), goal: 2},
			row{what: g.name + ", first sight of every token, against plain Caddy", sample: ratios(g.first.spent, b.plain.spent), goal: g.goal},
		)
	}
	return rows
}
