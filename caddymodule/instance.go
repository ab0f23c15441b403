package caddymodule

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// gatewayName keeps names good for a path in any storage and for a label of a metric.
var gatewayName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// instance is one gateway of one loaded configuration.
type instance struct {
	gateway *gateway.Gateway
	ring    token.Ring // empty until start, unless the keys are known before
	keys    *keyStore  // nil with a key file
	store   StoreModule
	lasting *lasting
	key     lastingKey
}

// newInstance makes a gateway that is not started, without network and without writing.
func newInstance(ctx caddy.Context, name string, g Gateway) (*instance, error) {
	if !gatewayName.MatchString(name) {
		return nil, fmt.Errorf("the name %q cannot be a gateway's; use at most 40 of a-z, 0-9, _ and -", name)
	}
	e := &expander{replacer: caddy.NewReplacer()}
	config, keys := g.config(e), g.Token.keys(e)
	if e.err != nil {
		return nil, e.err
	}
	config.Name, config.Logger = name, ctx.Slogger()
	i := &instance{key: lastingKey{gateway: name, apiURL: config.Signicat.APIURL}}
	if err := i.findKeys(ctx, keys); err != nil {
		return nil, err
	}
	if err := i.openStore(ctx, g, &config); err != nil {
		return nil, err
	}
	return i, i.build(config)
}

// keyConfig is the part of Token that package gateway does not see.
type keyConfig struct{ algorithm, file string }

func (t Token) keys(e *expander) keyConfig {
	return keyConfig{algorithm: e.text("token algorithm", t.Algorithm), file: e.text("token key", t.Key)}
}

// findKeys reads the key file, or prepares what start needs to load or make keys.
func (i *instance) findKeys(ctx caddy.Context, config keyConfig) error {
	algorithm := token.Algorithm(config.algorithm)
	if algorithm != "" {
		if _, err := token.ParseAlgorithm(config.algorithm); err != nil {
			return fmt.Errorf("token algorithm: %w", err)
		}
	}
	if config.file != "" {
		set, err := readKeyFile(config.file, algorithm, ctx.Slogger())
		i.ring.Set(set)
		return err
	}
	if algorithm == "" {
		algorithm = token.DefaultAlgorithm
	}
	i.keys = &keyStore{storage: ctx.Storage(), gateway: i.key.gateway, algorithm: algorithm, now: time.Now, log: ctx.Slogger()}
	return nil
}

func (i *instance) openStore(ctx caddy.Context, g Gateway, config *gateway.Config) (err error) {
	if i.store, err = g.loadStore(ctx); err != nil {
		return err
	}
	config.Store, err = i.store.Open(config.Name)
	config.Families, _ = config.Store.(pending.Families)
	return err
}

// build makes the gateway, from the keys and the knowledge of its predecessor where a reload
// replaces one.
func (i *instance) build(config gateway.Config) (err error) {
	i.lasting = i.key.keep()
	if known := i.lasting.keys.KeySet(); i.keys != nil && known != nil && known.Current().Algorithm() == i.keys.algorithm {
		i.ring.Set(known)
	}
	config.Keys, config.Order = &i.ring, &i.lasting.order
	if i.gateway, err = gateway.New(config); err != nil {
		_ = i.key.release() // nothing to destruct
	}
	return err
}

// start puts the keys in force.
func (i *instance) start(ctx context.Context) error {
	if i.keys != nil {
		set, err := i.keys.load(ctx)
		if err != nil {
			return fmt.Errorf("token key: %w", err)
		}
		i.lasting.keys.Set(set)
		i.ring.Set(set)
	}
	i.store.Start()
	return nil
}
