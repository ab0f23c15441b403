package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// loadedConfig is a configuration that was provisioned, as caddy validate does, and not started.
type loadedConfig struct {
	app     *App
	sites   *coverage.Survey
	storage certmagic.Storage // Caddy's own; provisioning does not use it
	parts   configParts
	cleanup []func() error
}

// configParts are the parts of a configuration that the doctor reads as JSON.
type configParts struct {
	keystorage.Config
	Logging caddy.Logging `json:"logging"`
}

// loadWhole loads a configuration and does not start it. The caller closes it.
func loadWhole(config []byte) (loaded *loadedConfig, err error) {
	config = caddy.RemoveMetaFields(config)
	loaded = new(loadedConfig)
	if err := json.Unmarshal(config, &loaded.parts); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	loaded.cleanup = append(loaded.cleanup, func() error { cancel(); return nil })
	defer func() {
		if err != nil {
			_ = loaded.close() // the error of loading is the cause
		}
	}()
	if loaded.storage, err = loaded.parts.Open(ctx); err != nil {
		return nil, err
	}
	return loaded, loaded.provision(config)
}

// provision does the same as caddy validate, with a temporary storage: modules such as pki make keys in
// storage when they are provisioned.
func (c *loadedConfig) provision(config []byte) error {
	dir, err := os.MkdirTemp("", "caddy-itsme-doctor-")
	if err != nil {
		return err
	}
	c.cleanup = append(c.cleanup, func() error { return os.RemoveAll(dir) })
	if config, err = quieted(config, dir); err != nil {
		return err
	}
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		return fmt.Errorf("reading configuration: %w", err)
	}
	ctx, err := caddy.ProvisionContext(&parsed)
	if err != nil {
		return err // Caddy has cleaned up
	}
	return c.open(ctx)
}

func (c *loadedConfig) open(ctx caddy.Context) error {
	module, err := ctx.App("itsme")
	if err != nil {
		return err
	}
	c.app = module.(*App)
	c.cleanup = append(c.cleanup, c.closeGateways)
	c.sites, err = surveySites(ctx)
	return err
}

// closeGateways releases the values of itsme's modules. Caddy cannot release a configuration that was
// provisioned and never started: values of other modules end with the process.
func (c *loadedConfig) closeGateways() error {
	errs := []error{c.app.Cleanup()}
	for _, i := range c.app.instances {
		if store, ok := i.store.(caddy.CleanerUpper); ok {
			errs = append(errs, store.Cleanup())
		}
	}
	return errors.Join(errs...)
}

// close releases everything that loading made, in reverse order.
func (c *loadedConfig) close() error {
	var errs []error
	for _, cleanup := range slices.Backward(c.cleanup) {
		errs = append(errs, cleanup())
	}
	return errors.Join(errs...)
}

// forDoctor describes these gateways, and the configuration around them, to the doctor.
func (c *loadedConfig) forDoctor(names []string) doctor.Config {
	config := doctor.Config{
		Sites: c.sites.Findings, SiteNotes: c.sites.Notes, Logs: c.parts.Logging.Logs, Storage: c.storage, LocalStorage: c.parts.IsFolder(),
	}
	for _, name := range names {
		config.Gateways = append(config.Gateways, c.gatewayForDoctor(name))
	}
	return config
}

// gatewayForDoctor describes one gateway to the doctor, with Caddy's own storage for its keys.
func (c *loadedConfig) gatewayForDoctor(name string) doctor.Gateway {
	instance := c.app.instances[name]
	g := doctor.Gateway{
		Name:    name,
		Config:  c.app.Gateways[name].config(&expander{replacer: caddy.NewReplacer()}).WithDefaults(),
		Used:    c.sites.Uses(instance.gateway),
		KeyFile: instance.inForce.KeySet(),
	}
	switch store := instance.store.(type) {
	case *MemoryStore:
		g.Memory = true
	case *RedisStore:
		g.Redis = store.store.Store
	}
	if instance.keys != nil {
		keys := *instance.keys.Keyring
		keys.Storage = keystorage.New(keystorage.KeepOwners(c.storage), name, keys.Logger)
		keys.Memory = new(keyring.Memory) // the doctor reads what is stored, not what this process knows
		g.Keys = &keys
	}
	return g
}

// quieted returns the configuration with changes for provisioning. It opens no log file, writes nothing to
// standard error, checks no upstream, and keeps its storage in a folder.
func quieted(config []byte, dir string) ([]byte, error) {
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber() // a float64 loses digits of a long duration in nanoseconds
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	tree["logging"] = map[string]any{"logs": map[string]any{
		"default": map[string]any{"writer": map[string]any{"output": "discard"}},
	}}
	tree["storage"] = map[string]any{"module": "file_system", "root": dir}
	dropHealthChecks(tree)
	return json.Marshal(tree)
}

// dropHealthChecks removes the active health checks of reverse_proxy, which begin before Caddy starts.
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
