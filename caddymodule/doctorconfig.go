package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/certmagic"
)

// loadedConfig is a configuration that was provisioned, as caddy validate does it, and not started.
type loadedConfig struct {
	app     *App
	servers map[string]*caddyhttp.Server
	storage certmagic.Storage
	parts   configParts
}

// configParts are what the doctor reads in a configuration itself.
type configParts struct {
	Storage *struct {
		Module string `json:"module"`
	} `json:"storage"`
	Logging caddy.Logging `json:"logging"`
	Apps    struct {
		Itsme struct {
			Gateways map[string]struct {
				AppLink appLinks `json:"app_link"`
			} `json:"gateways"`
		} `json:"itsme"`
	} `json:"apps"`
}

// localStorage reports whether Caddy's storage is a folder of this machine, as it is by default.
func (c *loadedConfig) localStorage() bool {
	return c.parts.Storage == nil || c.parts.Storage.Module == "file_system"
}

// loadWhole loads a configuration without starting it. Close it.
func loadWhole(config []byte) (*loadedConfig, error) {
	loaded := new(loadedConfig)
	config = caddy.RemoveMetaFields(config)
	if err := json.Unmarshal(config, &loaded.parts); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	if len(loaded.parts.Apps.Itsme.Gateways) == 0 {
		return nil, errors.New(noGateway)
	}
	config, err := quieted(config)
	if err != nil {
		return nil, err
	}
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	ctx, err := caddy.ProvisionContext(&parsed)
	if err != nil {
		return nil, err // Caddy has cleaned up
	}
	return loaded, loaded.open(ctx)
}

func (c *loadedConfig) open(ctx caddy.Context) error {
	c.storage = ctx.Storage()
	module, err := ctx.App("itsme")
	if err != nil {
		return err
	}
	c.app = module.(*App)
	module, err = ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if sites, ok := module.(*caddyhttp.App); ok {
		c.servers = sites.Servers
	}
	return err
}

// close ends what our own modules hold. Caddy has no way to end a provisioned configuration that
// was never started: the rest ends with the process.
func (c *loadedConfig) close() error {
	errs := []error{c.app.Cleanup()}
	for _, i := range c.app.instances {
		if store, ok := i.store.(caddy.CleanerUpper); ok {
			errs = append(errs, store.Cleanup())
		}
	}
	return errors.Join(errs...)
}

// quieted is a configuration that, when it is provisioned, opens no log file, writes nothing where
// the findings go, and asks no upstream how it is.
func quieted(config []byte) ([]byte, error) {
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber() // of a long duration in nanoseconds a float64 keeps too little
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	tree["logging"] = map[string]any{"logs": map[string]any{
		"default": map[string]any{"writer": map[string]any{"output": "discard"}},
	}}
	dropHealthChecks(tree)
	return json.Marshal(tree)
}

// dropHealthChecks takes away those checks of reverse_proxy that begin before Caddy starts.
func dropHealthChecks(value any) {
	switch v := value.(type) {
	case map[string]any:
		if checks, ok := v["health_checks"].(map[string]any); ok && v["handler"] == "reverse_proxy" {
			delete(checks, "active")
		}
		for _, member := range v {
			dropHealthChecks(member)
		}
	case []any:
		for _, element := range v {
			dropHealthChecks(element)
		}
	}
}
