package keystorage

import (
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
)

// Config is the part of Caddy's configuration that selects its storage.
type Config struct {
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=caddy.storage inline_key=module"`
}

// IsFolder reports whether the storage is a folder of this machine, which is the default.
func (c *Config) IsFolder() bool {
	var storage struct {
		Module string `json:"module"`
	}
	_ = json.Unmarshal(c.StorageRaw, &storage) // Open reports what is wrong
	return storage.Module == "" || storage.Module == "file_system"
}

// Open returns the storage, by default the folder that Caddy uses without a configuration. A folder needs
// no I/O here; other storage modules may do some.
func (c *Config) Open(ctx caddy.Context) (certmagic.Storage, error) {
	if c.StorageRaw == nil {
		return caddy.DefaultStorage, nil
	}
	module, err := ctx.LoadModule(c, "StorageRaw")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	converter, ok := module.(caddy.StorageConverter)
	if !ok {
		return nil, fmt.Errorf("storage: the module %T is not a storage", module)
	}
	storage, err := converter.CertMagicStorage()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return storage, nil
}
