package caddymodule

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/certmagic"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/command"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/keyring"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "itsme",
		Usage: "<command>",
		Short: "Checks gateways, rotates their keys, and verifies and revokes their tokens",
		CobraFunc: func(c *cobra.Command) {
			for _, sub := range command.New(command.Adapter{Doctor: loadForDoctor, Gateways: gatewaysForCommands}) {
				c.AddCommand(sub)
			}
		},
	})
}

// loadForDoctor loads a configuration for the doctor. See Doctor of [command.Adapter].
func loadForDoctor(data []byte, gatewayName string) (doctor.Config, func(), error) {
	config, err := loadWhole(data)
	if err != nil {
		return doctor.Config{}, nil, err
	}
	closeConfig := func() { _ = config.close() } // nothing runs that could fail to stop
	names, err := selected(config.app.Gateways, gatewayName)
	if err != nil {
		closeConfig()
		return doctor.Config{}, nil, err
	}
	return config.forDoctor(names), closeConfig, nil
}

// selected returns the gateway of that name, or all gateways for the empty name.
func selected(gateways map[string]Gateway, name string) ([]string, error) {
	names := slices.Sorted(maps.Keys(gateways))
	switch {
	case len(names) == 0:
		return nil, errNoGateway
	case name == "":
		return names, nil
	case !slices.Contains(names, name):
		return nil, unknownGateway(name, gateways)
	}
	return []string{name}, nil
}

// gatewaysForCommands reads the gateways for keys and token. See Gateways of [command.Adapter].
func gatewaysForCommands(ctx caddy.Context, data []byte, gatewayName string) ([]command.Gateway, error) {
	var config struct {
		keystorage.Config
		Apps struct {
			Itsme App `json:"itsme"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	names, err := selected(config.Apps.Itsme.Gateways, gatewayName)
	if err != nil {
		return nil, err
	}
	storage, err := config.Open(ctx)
	if err != nil {
		return nil, err
	}
	gateways := make([]command.Gateway, len(names))
	for i, name := range names {
		if gateways[i], err = gatewayForCommands(ctx, name, config.Apps.Itsme.Gateways[name], keystorage.KeepOwners(storage)); err != nil {
			return nil, fmt.Errorf("gateway %s: %w", name, err)
		}
	}
	return gateways, nil
}

func gatewayForCommands(ctx caddy.Context, name string, g Gateway, storage certmagic.Storage) (command.Gateway, error) {
	e := &expander{replacer: caddy.NewReplacer()}
	keys, err := g.keys(e)
	if err != nil {
		return command.Gateway{}, err
	}
	public := g
	public.Signicat = Signicat{} // this process may not have Signicat's secrets
	tokens := public.config(e).WithDefaults()
	if e.err != nil {
		return command.Gateway{}, e.err
	}
	owner := keyring.Owner{Gateway: name, Issuer: tokens.Token.Issuer}
	return command.Gateway{
		Owner: owner, Tokens: tokens, KeyFile: keys.file, Algorithm: keys.algorithm, Rotation: keys.rotation,
		Open: sync.OnceValues(func() (*keyring.Keyring, error) {
			store, err := g.storeOfKeys(ctx, name)
			if err != nil {
				return nil, err
			}
			return keys.keyring(owner, storage, store, slog.New(slog.DiscardHandler)), nil
		}),
	}, nil
}

// storeOfKeys opens the store if it can hold keys, which needs the store's secrets. It returns nil for
// other stores.
func (g Gateway) storeOfKeys(ctx caddy.Context, name string) (StoreModule, error) {
	if g.storeModule() != redisModule {
		return nil, nil
	}
	store, err := g.loadStore(ctx)
	if err != nil {
		return nil, err
	}
	if shared, ok := store.(*RedisStore); ok {
		shared.log = slog.New(slog.DiscardHandler) // the command returns the error
	}
	_, err = store.Open(name)
	return store, err
}
