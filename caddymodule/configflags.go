package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/certmagic"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/keyring"
)

// configFlags say which gateways of which configuration file a command is about.
type configFlags struct{ file, adapter, gateway string }

func (f *configFlags) register(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVarP(&f.file, "config", "c", "", "Configuration file (default: Caddyfile in this folder)")
	flags.StringVarP(&f.adapter, "adapter", "a", "", "Name of the config adapter to apply")
	flags.StringVar(&f.gateway, "gateway", "", "Name of one gateway (default: all of them)")
}

// storageConfig is the part of a configuration that commands about keys need. The rest is not
// loaded: it may need a network, or secrets that are not at hand.
type storageConfig struct {
	keystorage.Config
	Admin caddy.AdminConfig `json:"admin,omitzero"`
	Apps  struct {
		Itsme App `json:"itsme"`
	} `json:"apps"`
}

// read returns the configuration as JSON.
func (f *configFlags) read() ([]byte, error) {
	data, _, _, err := caddycmd.LoadConfig(f.file, f.adapter)
	if err == nil && len(data) == 0 {
		err = errors.New("there is no Caddyfile in this folder; name the configuration with --config")
	}
	return data, err
}

func (f *configFlags) load() (storageConfig, error) {
	var config storageConfig
	data, err := f.read()
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return config, fmt.Errorf("reading configuration: %w", err)
	}
	return config, nil
}

// names are those of the gateways that the command is about.
func (f *configFlags) names(gateways map[string]Gateway) ([]string, error) {
	names := slices.Sorted(maps.Keys(gateways))
	switch {
	case len(names) == 0:
		return nil, errors.New(noGateway)
	case f.gateway == "":
		return names, nil
	case !slices.Contains(names, f.gateway):
		return nil, fmt.Errorf("no gateway is named %q; use one of: %s", f.gateway, strings.Join(names, " "))
	}
	return []string{f.gateway}, nil
}

// withKeys calls use with the keys of the gateways, while their storage is open.
func (f *configFlags) withKeys(command *cobra.Command, use func([]gatewayKeys) error) error {
	config, err := f.load()
	if err != nil {
		return err
	}
	names, err := f.names(config.Apps.Itsme.Gateways)
	if err != nil {
		return err
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: command.Context()})
	defer cancel()
	storage, err := config.Open(ctx)
	if err != nil {
		return err
	}
	keys := make([]gatewayKeys, len(names))
	for i, name := range names {
		if keys[i], err = keysOf(ctx, name, config.Apps.Itsme.Gateways[name], keystorage.KeepOwners(storage)); err != nil {
			return fmt.Errorf("gateway %s: %w", name, err)
		}
	}
	config.findService(command.Context(), keys)
	return use(keys)
}

// keysOf returns the keys of one gateway of a configuration. They are not read yet.
func keysOf(ctx caddy.Context, name string, g Gateway, storage certmagic.Storage) (gatewayKeys, error) {
	config, err := g.keys(&expander{replacer: caddy.NewReplacer()})
	if err != nil {
		return gatewayKeys{}, err
	}
	keys := gatewayKeys{name: name, config: g, algorithm: config.algorithm, file: config.file, rotation: config.rotation}
	tokens, err := keys.tokenConfig()
	if err != nil {
		return gatewayKeys{}, err
	}
	keys.owner = keyring.Owner{Gateway: name, Issuer: tokens.Token.Issuer}
	keys.open = sync.OnceValues(func() (*keyring.Keyring, error) {
		store, err := g.storeOfKeys(ctx, name)
		if err != nil {
			return nil, err
		}
		return config.keyring(keys.owner, storage, store, slog.New(slog.DiscardHandler)), nil
	})
	return keys, nil
}

// storeOfKeys opens the store where it has to do with keys. It needs the store's secrets.
func (g Gateway) storeOfKeys(ctx caddy.Context, name string) (StoreModule, error) {
	if g.storeModule() != redisModule {
		return nil, nil
	}
	store, err := g.loadStore(ctx)
	if err != nil {
		return nil, err
	}
	if shared, ok := store.(*RedisStore); ok {
		shared.log = slog.New(slog.DiscardHandler) // what fails, the command says
	}
	_, err = store.Open(name)
	return store, err
}
