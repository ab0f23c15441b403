package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// lasting is what a gateway has learned and a reload must not forget.
type lasting struct {
	// order is what is known of when Signicat shows SUCCESS.
	order gateway.Order
	// keys are the latest from storage: the new configuration may serve requests before its
	// Start has read them.
	keys token.Ring
	// instance is the gateway's name in the header Itsme-Instance.
	instance string
}

// lastingKey keeps what was learned from one Signicat, such as a simulator, from another.
type lastingKey struct{ gateway, apiURL string }

var lastings = caddy.NewUsagePool()

// keep returns what lasts of that gateway. The caller gives it back with release.
func (k lastingKey) keep() *lasting {
	kept, _ := lastings.LoadOrStore(k, &lasting{instance: gateway.NewInstance()})
	return kept.(*lasting)
}

func (k lastingKey) release() error {
	_, err := lastings.Delete(k)
	return err
}
