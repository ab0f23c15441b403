package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

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
