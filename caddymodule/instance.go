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

// gatewayName matches names that are valid in a path of any storage and as a label of a metric.
var gatewayName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// instance is one gateway of one loaded configuration.
type instance struct {
	gateway  *gateway.Gateway
	inForce  token.Keys       // empty until start, unless an earlier configuration knew the keys
	keys     *keyring.Manager // nil with a key file
	kept     *keptKeys        // nil with a key file, and until build
	store    StoreModule
	observed store.Store // the store with metrics, as the gateway uses it
	remote   remoteStore // nil for a store in memory

	name   string
	meter  *metrics.Meter // nil until build
	events *announcer
	log    *slog.Logger

	work sync.WaitGroup
	stop context.CancelFunc // nil until start
}

// processInstance identifies this process in the header Itsme-Instance. A reload keeps it.
var processInstance = gateway.NewInstance()

// newInstance makes a gateway and does not start it. It uses no network and writes nothing.
func newInstance(ctx caddy.Context, name string, g Gateway, events *announcer) (*instance, error) {
	if !gatewayName.MatchString(name) {
		return nil, fmt.Errorf("the gateway name %q is not valid; use 1 to 40 of a-z, 0-9, _ and -, with a letter or digit first", name)
	}
	e := &expander{replacer: caddy.NewReplacer()}
	config := g.config(e)
	keys, err := g.keys(e)
	if err != nil {
		return nil, err
	}
	config.Name, config.Logger, config.Now = name, ctx.Slogger(), clock
	config.Replica, _ = os.Hostname() // empty on a host without a name
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

// findKeys reads the key file. Without one it prepares the manager with which start loads or makes keys.
func (i *instance) findKeys(ctx caddy.Context, config keyConfig, owner keyring.Owner) error {
	if config.file != "" {
		set, err := keyring.ReadFile(config.file, config.algorithm, ctx.Slogger())
		i.inForce.Set(set)
		return err
	}
	i.keys = &keyring.Manager{
		Keyring: config.keyring(owner, ctx.Storage(), i.store, ctx.Slogger()),
		Force: func(set *token.KeySet) {
			i.kept.keys.Set(set)
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
	i.remote, _ = config.Store.(remoteStore)
	return err
}

// build makes the gateway. After a reload it begins with the keys of the configuration before.
func (i *instance) build(config gateway.Config) (err error) {
	i.meter = meters.take(i.name)
	i.observe(&config)
	if i.keys != nil {
		i.kept = ownedKeys.take(i.keys.Keyring.Owner)
		i.keys.Keyring.Memory = &i.kept.memory
		i.inForce.Set(i.kept.keys.KeySet())
	}
	config.Keys, config.Instance, config.Proofs = &i.inForce, processInstance, proofMemories.take(i.name)
	if i.gateway, err = gateway.New(config); err != nil {
		_ = i.release() // nothing to destruct
	}
	return err
}

// release releases the values that outlive the configuration. Call it after the last use.
func (i *instance) release() error {
	errs := []error{meters.release(i.name), proofMemories.release(i.name)}
	if i.kept != nil {
		errs = append(errs, ownedKeys.release(i.keys.Keyring.Owner))
	}
	return errors.Join(errs...)
}

// start loads or makes the keys, and rotates them until close.
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

// close stops the rotation of keys, and waits for logins that are being finished.
func (i *instance) close() error {
	if i.stop != nil {
		i.stop()
	}
	err := i.gateway.Close()
	i.work.Wait()
	return err
}

// probeTimeout bounds a request for the state of the store.
const probeTimeout = time.Second

// pending returns the number of pending sessions, or an error while the store is unavailable.
func (i *instance) pending() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	return i.observed.Len(ctx)
}

// keyState returns the keys as this replica knows them. It is empty with a key file, and before start.
func (i *instance) keyState() keyring.State {
	if i.keys == nil {
		return keyring.State{}
	}
	return i.keys.Shown()
}

// rotation returns the schedule of the keys. It is zero with a key file.
func (i *instance) rotation() keyring.Rotation {
	if i.keys == nil {
		return keyring.Rotation{}
	}
	return i.keys.Keyring.Rotation
}
