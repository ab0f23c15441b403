package gatewaytest

import (
	"sync"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Recorder records each callback of a [gateway.Observer] as a few words, such as "cookie valid cached".
type Recorder struct {
	mu     sync.Mutex
	events []string
}

// Attach makes the gateways of a configuration call the recorder.
func (r *Recorder) Attach(c *gateway.Config) {
	c.Observe = gateway.Observer{
		Request: func(d gateway.Decision) { r.Record("request " + d.String()) },
		Verification: func(v gateway.Verification) {
			words := "token " + v.Result.String()
			if v.Kind == store.Browser {
				words = "cookie " + v.Result.String()
			}
			if v.Cached {
				words += " cached"
			}
			r.Record(words)
		},
		Refusal:    func(code string) { r.Record("refusal " + code) },
		Revocation: func(v store.Revocation) { r.Record("revocation " + v.ID) },
	}
}

// Record adds events.
func (r *Recorder) Record(events ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
}

// Take returns the events since the last call of Take.
func (r *Recorder) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}
