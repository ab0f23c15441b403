package caddymodule

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// A reload makes every module anew. Values that must survive a reload are in the pools of this file. The new
// configuration takes a value before the old one releases it.

// meters holds the meter of each gateway by name. A reload continues the counters.
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

// proofMemories holds the used DPoP proofs of each gateway by name. A reload must not let a proof pass again.
var proofMemories = caddy.NewUsagePool()

// pooledProofs is a memory that a caddy.UsagePool can close.
type pooledProofs struct{ *gateway.ProofMemory }

// Destruct implements caddy.Destructor.
func (pooledProofs) Destruct() error { return nil }

// keepProofs returns the memory of a gateway's name. Release it with releaseProofs.
func keepProofs(gatewayName string) *gateway.ProofMemory {
	kept, _ := proofMemories.LoadOrStore(gatewayName, pooledProofs{gateway.NewProofMemory()})
	return kept.(pooledProofs).ProofMemory
}

func releaseProofs(gatewayName string) error {
	_, err := proofMemories.Delete(gatewayName)
	return err
}

// keptKeys is the state of an owner's keys in this process. A reload must not forget dropped keys, nor keys
// that storage lost.
type keptKeys struct {
	memory keyring.Memory
	// keys holds the keys in force. The new configuration may serve requests before its Start has read
	// the keys.
	keys token.Keys
}

var allKeptKeys = caddy.NewUsagePool()

// keepKeys returns the state of the owner's keys. Release it with releaseKeys.
func keepKeys(owner keyring.Owner) *keptKeys {
	kept, _ := allKeptKeys.LoadOrStore(owner, new(keptKeys))
	return kept.(*keptKeys)
}

func releaseKeys(owner keyring.Owner) error {
	_, err := allKeptKeys.Delete(owner)
	return err
}

// memoryStores holds the stores by gateway name. Pending sessions survive a reload: the new configuration
// takes the store before the old one releases it.
var memoryStores = caddy.NewUsagePool()

// pooledMemory is a store that a caddy.UsagePool can close.
type pooledMemory struct{ *store.Memory }

// Destruct implements caddy.Destructor.
func (p pooledMemory) Destruct() error { return p.Close() }

// redisStores holds the stores by configuration. A reload that does not change the configuration keeps the
// connections, and the revocations that this replica has read.
var redisStores = caddy.NewUsagePool()

// pooledRedis is a store that a caddy.UsagePool can close.
type pooledRedis struct {
	*redis.Store
	log *currentLog
}

// Destruct implements caddy.Destructor.
func (p pooledRedis) Destruct() error { return p.Close() }
