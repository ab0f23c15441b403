package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// StoreModule is implemented by modules of the namespace itsme.stores. It opens the store of a gateway's
// pending sessions. One module value serves one gateway.
type StoreModule interface {
	caddy.Module

	// Open returns the store of the gateway with that name. It is called once, before the gateway is
	// made. It does no I/O, and does not fail when a server is unavailable. The module closes the store in
	// its Cleanup. A reload that keeps the gateway keeps the content of the store.
	Open(gateway string) (store.Store, error)

	// Start is called once, when the configuration becomes the current one. It logs facts about the store
	// that operators should know. It cannot fail: an unavailable store is no configuration error.
	Start()
}

// redisModule is the name of the store module that replicas share.
const redisModule = "redis"

// storeModule returns the name of the store's module, empty if the configuration names none.
func (g *Gateway) storeModule() string {
	var named struct {
		Module string `json:"module"`
	}
	_ = json.Unmarshal(g.StoreRaw, &named) // loading the module reports an error in it
	return named.Module
}

// loadStore loads the module that the configuration names, or the memory store.
func (g *Gateway) loadStore(ctx caddy.Context) (StoreModule, error) {
	if g.StoreRaw == nil {
		g.StoreRaw = []byte(`{"module":"memory"}`)
	}
	if err := checkMembers(g.StoreRaw); err != nil {
		return nil, err
	}
	module, err := ctx.LoadModule(g, "StoreRaw")
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	st, ok := module.(StoreModule)
	if !ok {
		return nil, fmt.Errorf("store: the module %T is not a store", module)
	}
	return st, nil
}

// checkMembers refuses a store whose module or options have names that cannot be names. The decoder's own
// error would repeat them, and an address in the wrong place may hold a password.
func checkMembers(raw json.RawMessage) error {
	var store map[string]any
	if err := json.Unmarshal(raw, &store); err != nil {
		return nil // the decoder's error names no more than a character
	}
	for _, name := range []string{"module", "timeout", "staleness"} {
		if text, _ := store[name].(string); !block.IsWord(text) {
			return fmt.Errorf("store: %s is an address", name)
		}
	}
	if !areNames(store) {
		return errors.New("store: an address in the place of a name; write: \"module\": \"redis\", \"address\": [\"127.0.0.1:6379\"]")
	}
	return nil
}

// areNames reports whether all names of an object, and of those in it, can be names.
func areNames(object map[string]any) bool {
	for name, value := range object {
		inner, _ := value.(map[string]any)
		if !block.IsWord(name) || !areNames(inner) {
			return false
		}
	}
	return true
}
