package caddymodule

import (
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func init() { caddy.RegisterModule(MemoryStore{}) }

// MemoryStore keeps pending sessions in the memory of this process. It serves one replica: a login that
// starts here cannot finish on another replica, and is lost when the process ends.
type MemoryStore struct {
	gateway string // empty until the pool counts this module
	log     *slog.Logger
}

// CaddyModule returns the Caddy module information.
func (MemoryStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "itsme.stores.memory", New: func() caddy.Module { return new(MemoryStore) }}
}

// Provision implements caddy.Provisioner.
func (m *MemoryStore) Provision(ctx caddy.Context) error {
	m.log = ctx.Slogger()
	return nil
}

// Open implements StoreModule.
func (m *MemoryStore) Open(gateway string) (store.Store, error) {
	kept, _, err := memoryStores.LoadOrNew(gateway, func() (caddy.Destructor, error) {
		return pooledMemory{store.NewMemory(clock)}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening memory store: %w", err)
	}
	m.gateway = gateway
	return kept.(pooledMemory).Memory, nil
}

// Start implements StoreModule.
func (m *MemoryStore) Start() {
	m.log.Info("pending sessions are kept in memory: run one replica only", slog.String("gateway", m.gateway))
}

// Cleanup implements caddy.CleanerUpper. The last configuration that uses the store closes it.
func (m *MemoryStore) Cleanup() error {
	if m.gateway == "" {
		return nil
	}
	_, err := memoryStores.Delete(m.gateway)
	return err
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	store memory
func (m *MemoryStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() || d.NextBlock(d.Nesting()) {
		return d.Err("store: memory takes no argument and no block; write: store memory")
	}
	return nil
}

var (
	_ StoreModule           = (*MemoryStore)(nil)
	_ caddy.Provisioner     = (*MemoryStore)(nil)
	_ caddy.CleanerUpper    = (*MemoryStore)(nil)
	_ caddyfile.Unmarshaler = (*MemoryStore)(nil)
)
