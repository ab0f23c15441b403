package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// The causes of an EventKeysRotated.
const (
	// causeInForce: this replica signs or verifies with other keys than before.
	causeInForce = "in_force"
	// causeRequested: an operator asked for it here.
	causeRequested = "requested"
)

// observe has what happens in the gateway counted, and told as events.
func (i *instance) observe(config *gateway.Config) {
	m, name := i.meter, i.name
	config.Observe = m.observer()
	config.Observe.Login = func(s gateway.LoginStep) {
		m.login(s)
		i.events.login(name, m, s)
	}
	config.Observe.Revocation = func(v pending.Revocation) {
		m.revocation(v)
		i.events.revocation(name, m, v)
	}
	if i.keys != nil {
		i.keys.Failed = m.keysFailed.Inc
		i.keys.Changed = func(kid string) { i.events.rotation(name, m, kid, causeInForce) }
	}
	config.Store = meteredStore{config.Store, m}
	if config.Families != nil {
		config.Families = meteredFamilies{config.Families, m}
	}
	i.kept = config.Store
}

// tell registers what the gateway counts and is with a configuration's registry, of which each
// load has a new one.
func (i *instance) tell(registry prometheus.Registerer) error {
	if err := registry.Register(i.meter); err != nil {
		return err
	}
	return registry.Register(newGauges(i))
}
