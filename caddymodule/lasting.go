package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// lasting is what a gateway has learned and a reload must not forget.
type lasting struct {
	// order is what is known of when Signicat shows SUCCESS.
	order gateway.Order
}

// lastingKey keeps what was learned from one Signicat, such as a simulator, from another.
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

// keptKeys is what this process knows of an owner's keys. A reload must not forget which of them were
// dropped, nor keys that storage lost.
type keptKeys struct {
	memory keyring.Memory
	// ring holds the keys in force: the new configuration may serve requests before its Start has
	// read them.
	ring token.Ring
}

var allKeptKeys = caddy.NewUsagePool()

// keepKeys returns what is known of the owner's keys. The caller gives it back with releaseKeys.
func keepKeys(owner keyring.Owner) *keptKeys {
	kept, _ := allKeptKeys.LoadOrStore(owner, new(keptKeys))
	return kept.(*keptKeys)
}

func releaseKeys(owner keyring.Owner) error {
	_, err := allKeptKeys.Delete(owner)
	return err
}
