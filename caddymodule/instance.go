package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/metrics"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// gatewayName allows names that are valid in a path of any storage and as a label of a metric.
var gatewayName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// instance is one gateway of one loaded configuration.
type instance struct {
	gateway *gateway.Gateway
	inForce token.Keys       // empty until start, unless the keys are known before
	keys    *keyring.Manager // nil with a key file
	known   *keptKeys        // nil with a key file, and until build
	store   StoreModule
	kept    store.Store  // as the gateway uses it
	clocked clockedStore // nil where the store has no clock of its own

	name   string
	meter  *metrics.Meter // nil until build
	events *announcer
	log    *slog.Logger

	work sync.WaitGroup
	stop context.CancelFunc // nil until start
}

// processInstance names this process in the header Itsme-Instance. A reload keeps it.
var processInstance = gateway.NewInstance()

// newInstance makes a gateway that is not started, without network and without writing.
func newInstance(ctx caddy.Context, name string, g Gateway, events *announcer) (*instance, error) {
	if !gatewayName.MatchString(name) {
		return nil, fmt.Errorf("the name %q cannot be a gateway's; use at most 40 of a-z, 0-9, _ and -", name)
	}
	e := &expander{replacer: caddy.NewReplacer()}
	config := g.config(e)
	keys, err := g.keys(e)
	if err != nil {
		return nil, err
	}
	config.Name, config.Logger, config.Now = name, ctx.Slogger(), clock
	config.Replica, _ = os.Hostname() // empty for a host without a name
	i := &instance{log: ctx.Slogger(), events: events, name: name}
	if err := i.openStore(ctx, g, &config); err != nil {
		return nil, err
	}
	owner := keyring.Owner{Gateway: name, Issuer: config.WithDefaults().Token.Issuer}
	if err := i.findKeys(ctx, keys, owner); err != nil {
		return nil, err
	}
	return i, i.build(config)
}

// findKeys reads the key file, or prepares what start needs to load or make keys.
func (i *instance) findKeys(ctx caddy.Context, config keyConfig, owner keyring.Owner) error {
	if config.file != "" {
		set, err := keyring.ReadFile(config.file, config.algorithm, ctx.Slogger())
		i.inForce.Set(set)
		return err
	}
	i.keys = &keyring.Manager{
		Keyring: config.keyring(owner, ctx.Storage(), i.store, ctx.Slogger()),
		Force: func(set *token.KeySet) {
			i.known.keys.Set(set)
			i.inForce.Set(set)
		},
	}
	return nil
}

func (i *instance) openStore(ctx caddy.Context, g Gateway, config *gateway.Config) (err error) {
	if i.store, err = g.loadStore(ctx); err != nil {
		return err
	}
	config.Store, err = i.store.Open(config.Name)
	i.clocked, _ = config.Store.(clockedStore)
	return err
}

// build makes the gateway, with the keys of its predecessor where a reload replaces one.
func (i *instance) build(config gateway.Config) (err error) {
	i.meter = keepMeter(config.Name)
	i.observe(&config)
	if i.keys != nil {
		i.known = keepKeys(i.keys.Keyring.Owner)
		i.keys.Keyring.Memory = &i.known.memory
		i.inForce.Set(i.known.keys.KeySet())
	}
	config.Keys, config.Instance = &i.inForce, processInstance
	if i.gateway, err = gateway.New(config); err != nil {
		_ = i.release() // nothing to destruct
	}
	return err
}

// release releases what outlives the configuration. Call it after the last use.
func (i *instance) release() error {
	errs := []error{releaseMeter(i.name)}
	if i.known != nil {
		errs = append(errs, releaseKeys(i.keys.Keyring.Owner))
	}
	return errors.Join(errs...)
}

// start loads or makes the keys, and follows their changes until close.
func (i *instance) start(ctx context.Context) error {
	ctx, i.stop = context.WithCancel(ctx)
	i.store.Start()
	if i.keys != nil {
		if err := i.keys.Start(ctx); err != nil {
			return fmt.Errorf("token key: %w", err)
		}
		i.work.Go(func() { i.keys.Run(ctx) })
	}
	return nil
}

// close stops what start began, and waits for logins that are being finished.
func (i *instance) close() error {
	if i.stop != nil {
		i.stop()
	}
	err := i.gateway.Close()
	i.work.Wait()
	return err
}

// probeLimit bounds a question to the store about its state.
const probeLimit = time.Second

// pending returns the number of logins under way, or an error while the store is unavailable.
func (i *instance) pending() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	return i.kept.Len(ctx)
}

// keyState returns the keys as this replica knows them. It has none with a key file, and before start.
func (i *instance) keyState() keyring.State {
	if i.keys == nil {
		return keyring.State{}
	}
	return i.keys.Shown()
}

// rotation returns how the keys rotate. It is zero with a key file.
func (i *instance) rotation() keyring.Rotation {
	if i.keys == nil {
		return keyring.Rotation{}
	}
	return i.keys.Keyring.Rotation
}
