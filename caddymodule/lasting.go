package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// lasting is what a reload must not forget of a gateway.
type lasting struct {
	// keys are the latest from storage: the new configuration may serve requests before its
	// Start has read them.
	keys token.Ring
}

// lastingKey keeps the keys of a gateway at Signicat apart from those of one at a simulator.
type lastingKey struct{ gateway, apiURL string }

var lastings = caddy.NewUsagePool()

// keep returns what lasts of that gateway. The caller gives it back with release.
func (k lastingKey) keep() *lasting {
	kept, _ := lastings.LoadOrStore(k, new(lasting))
	return kept.(*lasting)
}

func (k lastingKey) release() error {
	_, err := lastings.Delete(k)
	return err
}
