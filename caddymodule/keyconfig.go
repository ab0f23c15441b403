package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/keystorage"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// DefaultRotate is how long a key signs by default. With logins of 30 days it signs a little longer.
	DefaultRotate = 30 * 24 * time.Hour
	// MaxRotate bounds how long a key signs.
	MaxRotate = 365 * 24 * time.Hour
)

// The places for keys without a key file.
const (
	keysInStore   = "store"
	keysInStorage = "storage"
)

// keyConfig is the part of a gateway's configuration about keys.
type keyConfig struct {
	algorithm token.Algorithm // with a file, empty means the algorithm of its key
	file      string
	rotation  keyring.Rotation // without a file
	inStore   bool             // without a file: in the store, with a copy in Caddy's storage
}

func (g Gateway) keys(e *expander) (keyConfig, error) {
	c := keyConfig{
		algorithm: token.Algorithm(e.text("token algorithm", g.Token.Algorithm)),
		file:      e.text("token key", g.Token.Key),
	}
	if e.err != nil {
		return c, e.err
	}
	if c.algorithm != "" {
		if _, err := token.ParseAlgorithm(string(c.algorithm)); err != nil {
			return c, fmt.Errorf("token algorithm: %w", err)
		}
	}
	if c.file != "" {
		switch {
		case g.Token.Rotate != 0:
			return c, errors.New("token rotate: the key in the file of token key is never rotated; remove rotate, or remove key so that the gateway makes and rotates keys")
		case g.Token.Keys != "":
			return c, errors.New("token keys: the key is in the file of token key; remove keys, or remove key so that the gateway makes and rotates keys")
		}
		return c, nil
	}
	if c.algorithm == "" {
		c.algorithm = token.DefaultAlgorithm
	}
	var err error
	if c.inStore, err = g.keysInStore(e); err != nil {
		return c, err
	}
	c.rotation, err = g.rotation(c.algorithm)
	return c, err
}

// keysInStore reports whether the keys are kept in the store. That is the default with Redis.
func (g Gateway) keysInStore(e *expander) (bool, error) {
	shared := g.storeModule() == redisModule
	switch where := e.text("token keys", g.Token.Keys); {
	case e.err != nil:
		return false, e.err
	case where == "":
		return shared, nil
	case where == keysInStorage:
		return false, nil
	case where != keysInStore:
		return false, fmt.Errorf("token keys: %q is unknown; use store or storage", where)
	case !shared:
		return false, errors.New("token keys: only store redis can keep keys; write token { keys storage }, or remove keys")
	}
	return true, nil
}

// keyring returns the gateway's keys, in Caddy's storage and, with Redis, in the store. The store must be
// open.
func (c keyConfig) keyring(owner keyring.Owner, storage certmagic.Storage, store StoreModule, log *slog.Logger) *keyring.Keyring {
	k := &keyring.Keyring{
		Owner: owner, Rotation: c.rotation, Memory: new(keyring.Memory), Now: clock, Logger: log,
		Storage: keystorage.New(storage, owner.Gateway, log),
	}
	if shared, ok := store.(*RedisStore); ok {
		k.Store, k.InStore, k.StoreID = shared.store.Documents(), c.inStore, shared.store.ID
		k.Owner.Prefix = shared.config.Prefix
	}
	return k
}

func (g Gateway) rotation(algorithm token.Algorithm) (keyring.Rotation, error) {
	lifetimes := gateway.Config{
		Token:  gateway.TokenConfig{Lifetime: time.Duration(g.Token.Lifetime)},
		Cookie: gateway.CookieConfig{Lifetime: time.Duration(g.Cookie.Lifetime)},
	}.WithDefaults()
	longest := max(lifetimes.Token.Lifetime, lifetimes.Cookie.Lifetime)
	// With less, tokens of the key before the previous one would still be valid when the next key takes over.
	least := longest + keyring.Margin + keyring.Lead
	every := time.Duration(g.Token.Rotate)
	switch {
	case every == 0:
		every = max(DefaultRotate, least)
	case every < least || every > MaxRotate:
		return keyring.Rotation{}, fmt.Errorf("token rotate: %v is out of bounds; with tokens that last up to %v use %v to %v", every, longest, least, MaxRotate)
	}
	return keyring.Rotation{Algorithm: algorithm, Every: every.Truncate(time.Second), Longest: longest}, nil
}
