package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// DefaultRotate is how long a key in Caddy's storage signs, unless logins last so long that
	// it must sign a little longer.
	DefaultRotate = 30 * 24 * time.Hour
	// MaxRotate bounds how long a key in Caddy's storage signs.
	MaxRotate = 365 * 24 * time.Hour
)

// keyConfig is what a gateway's configuration says of keys.
type keyConfig struct {
	algorithm token.Algorithm // with a file, empty means the one that its key is for
	file      string
	rotation  rotation // without a file
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
		if g.Token.Rotate != 0 {
			return c, errors.New("token rotate: the key in the file that token key names is never rotated; drop rotate, or drop key to have keys made and rotated")
		}
		return c, nil
	}
	if c.algorithm == "" {
		c.algorithm = token.DefaultAlgorithm
	}
	var err error
	c.rotation, err = g.rotation(c.algorithm)
	return c, err
}

func (g Gateway) rotation(algorithm token.Algorithm) (rotation, error) {
	lifetimes := gateway.Config{
		Token:  gateway.TokenConfig{Lifetime: time.Duration(g.Token.Lifetime)},
		Cookie: gateway.CookieConfig{Lifetime: time.Duration(g.Cookie.Lifetime)},
	}.WithDefaults()
	longest := max(lifetimes.Token.Lifetime, lifetimes.Cookie.Lifetime)
	// Less, and the last key but one would still be needed when the next one takes over.
	least := longest + keyMargin + keyLead
	every := time.Duration(g.Token.Rotate)
	switch {
	case every == 0:
		every = max(DefaultRotate, least)
	case every < least || every > MaxRotate:
		return rotation{}, fmt.Errorf("token rotate: %v is out of bounds; with tokens that last up to %v use %v to %v", every, longest, least, MaxRotate)
	}
	return rotation{algorithm: algorithm, every: every.Truncate(time.Second), longest: longest}, nil
}
