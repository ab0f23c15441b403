package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// The causes of an EventKeysRotated.
const (
	// causeInForce means that this replica now signs or verifies with other keys.
	causeInForce = "in_force"
	// causeRequested means that an operator rotated the keys through this replica.
	causeRequested = "requested"
)

// observe counts the gateway's events, and emits them as events of Caddy.
func (i *instance) observe(config *gateway.Config) {
	m, name := i.meter, i.name
	config.Observe = m.Observer()
	counted := config.Observe
	config.Observe.Login = func(s gateway.LoginStep) {
		counted.Login(s)
		i.events.login(name, m, s)
	}
	config.Observe.Revocation = func(v store.Revocation) {
		counted.Revocation(v)
		i.events.revocation(name, m, v)
	}
	if i.keys != nil {
		i.keys.Failed = m.KeysFailed
		i.keys.Changed = func(kid string) { i.events.rotation(name, m, kid, causeInForce) }
	}
	config.Store = m.Store(config.Store)
	i.observed = config.Store
}

// register adds the gateway's metrics to the registry of a configuration. Each configuration has a registry
// of its own.
func (i *instance) register(registry prometheus.Registerer) error {
	if err := registry.Register(i.meter); err != nil {
		return err
	}
	return registry.Register(metrics.NewGauges(i.name, metrics.Source{
		Breaker:      i.gateway.Breaker,
		Pending:      i.pending,
		Keys:         func() (keyring.State, keyring.Rotation) { return i.keyState(), i.rotation() },
		ClockOffsets: i.clockOffsets,
		Writable:     i.writable,
		Refusals:     i.refusals,
		Now:          clock,
	}))
}
