package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// observe has what happens in the gateway counted.
func (i *instance) observe(config *gateway.Config) {
	m := i.meter
	config.Observe = m.observer()
	if i.keys != nil {
		i.keys.failed, i.keys.changed = m.keysFailed.Inc, func(string) {}
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
