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

// reloadPool holds one kind of value by key, until the last configuration that took a value releases it.
type reloadPool[K comparable, V any] struct {
	pool *caddy.UsagePool
	make func(K) V
}

func newReloadPool[K comparable, V any](make func(K) V) reloadPool[K, V] {
	return reloadPool[K, V]{caddy.NewUsagePool(), make}
}

// take returns the value of a key. Each take needs a release.
func (p reloadPool[K, V]) take(key K) V {
	value, _ := p.pool.LoadOrStore(key, p.make(key))
	return value.(V)
}

func (p reloadPool[K, V]) release(key K) error {
	_, err := p.pool.Delete(key)
	return err
}

var (
	// meters are by the gateway's name. A reload continues the counters.
	meters = newReloadPool(metrics.New)
	// proofMemories are by the gateway's name. A reload must not let a used DPoP proof pass again.
	proofMemories = newReloadPool(func(string) *gateway.ProofMemory { return gateway.NewProofMemory() })
	// ownedKeys are by their owner. A reload must not forget dropped keys, nor keys that storage lost.
	ownedKeys = newReloadPool(func(keyring.Owner) *keptKeys { return new(keptKeys) })
)

// keptKeys is the state of an owner's keys in this process.
type keptKeys struct {
	memory keyring.Memory
	// keys holds the keys in force. The new configuration may serve requests before its Start has read
	// the keys.
	keys token.Keys
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
