package gatewaytest

import (
	"sync"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Observed records the callbacks of a [gateway.Observer], in a few words each: "cookie good kept".
type Observed struct {
	mu     sync.Mutex
	events []string
}

// Watch makes a gateway of this configuration call it.
func (o *Observed) Watch(c *gateway.Config) {
	c.Observe = gateway.Observer{
		Request: func(d gateway.Decision) { o.Note("request " + d.String()) },
		Verification: func(v gateway.Verification) {
			words := "token " + v.Result.String()
			if v.Kind == store.Browser {
				words = "cookie " + v.Result.String()
			}
			if v.Kept {
				words += " kept"
			}
			o.Note(words)
		},
		Refusal:    func(code string) { o.Note("refusal " + code) },
		Revocation: func(v store.Revocation) { o.Note("revocation " + v.ID) },
	}
}

// Note records more.
func (o *Observed) Note(events ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, events...)
}

// Take returns what it recorded since the last call.
func (o *Observed) Take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	events := o.events
	o.events = nil
	return events
}
