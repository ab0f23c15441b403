package login

import (
	"net/netip"
	"sync"
)

// MaxPolls bounds the long polls of a gateway. Each holds a request of the server and reads the store.
const MaxPolls = 5_000

// longPolls counts the long polls under way: all, by client, and by IPv6 network.
type longPolls struct {
	perClient int

	mu   sync.Mutex
	held int
	of   map[string]int // by clientKey and networkKey; no entry is zero
}

// EndLongPolls answers all waiting status requests at once, and all later ones.
func (e *Engine) EndLongPolls() { e.stop() }

func newLongPolls(perClient int) *longPolls {
	return &longPolls{perClient: perClient, of: make(map[string]int)}
}

// take reserves a long poll for a client. It returns nil when none is free. Otherwise the caller calls done
// once.
func (p *longPolls) take(addr netip.Addr) (done func()) {
	client, network := clientKey(addr), networkKey(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held >= MaxPolls || p.of[client] >= p.perClient || p.of[network] >= NetworkShare*p.perClient {
		return nil
	}
	p.count(client, network, +1)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.count(client, network, -1)
	}
}

// count changes the counters. The caller holds the lock.
func (p *longPolls) count(client, network string, by int) {
	p.held += by
	for _, key := range []string{client, network} {
		if key == "" { // of IPv4
			continue
		}
		if p.of[key] += by; p.of[key] == 0 {
			delete(p.of, key)
		}
	}
}
