package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// A reload makes every module anew. What must survive it is in the pools of this file, and in those of
// the stores, storememory.go and storeredis.go: the new configuration takes a value over before the old
// one releases it.

// meters holds the meter of each gateway by its name, so that a reload goes on counting.
var meters = caddy.NewUsagePool()

// keepMeter returns the meter of a gateway's name. Release it with releaseMeter.
func keepMeter(gatewayName string) *metrics.Meter {
	kept, _ := meters.LoadOrStore(gatewayName, metrics.New(gatewayName))
	return kept.(*metrics.Meter)
}

func releaseMeter(gatewayName string) error {
	_, err := meters.Delete(gatewayName)
	return err
}

// keptKeys is what this process knows of an owner's keys. A reload must forget neither which of them were
// dropped, nor keys that storage lost.
type keptKeys struct {
	memory keyring.Memory
	// keys holds the keys in force: the new configuration may serve requests before its Start has
	// read them.
	keys token.Keys
}

var allKeptKeys = caddy.NewUsagePool()

// keepKeys returns what is known of the owner's keys. Release it with releaseKeys.
func keepKeys(owner keyring.Owner) *keptKeys {
	kept, _ := allKeptKeys.LoadOrStore(owner, new(keptKeys))
	return kept.(*keptKeys)
}

func releaseKeys(owner keyring.Owner) error {
	_, err := allKeptKeys.Delete(owner)
	return err
}
