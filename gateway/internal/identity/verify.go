package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Why a request has no valid credential.
var (
	// ErrNoCredential is returned when a request carries none.
	ErrNoCredential = errors.New("no credential")
	// ErrToken is returned when a bearer token is not ours, not valid, or revoked.
	ErrToken = errors.New("invalid token")
	// ErrCookie is returned when a session cookie is not valid. The caller clears it, and treats it as
	// none.
	ErrCookie = errors.New("invalid session cookie")
	// ErrAmbiguous is returned when a request has two Authorization lines.
	ErrAmbiguous = errors.New("more than one Authorization header")
	// ErrStarting is returned before the signing keys are there.
	ErrStarting = errors.New("starting")
)

// Result says whether a credential is valid.
type Result uint8

const (
	// Valid is a credential that counts.
	Valid Result = iota
	// Invalid is one that is not the gateway's, has expired, or was made up.
	Invalid
	// Revoked is a valid one that was refused before its time.
	Revoked
	// Unknown is one that could not be checked: there are no keys, or the store is unavailable.
	Unknown
)

// Config holds what a [Verifier] needs. Every field is required.
type Config struct {
	// Authority verifies tokens, and issues those that upstreams get.
	Authority *token.Authority
	// Keys returns the current keys, nil before there are any.
	Keys func() *token.KeySet
	// Revoked reports whether the token with these claims was revoked. It looks into the store.
	Revoked func(context.Context, *token.Claims) (bool, error)
	// Observe receives every check of a credential, and whether its signature was verified before.
	Observe func(kind store.Kind, result Result, cached bool)
	// Claims are the claims that upstreams get.
	Claims []string
	// Cookies names the gateway's cookies.
	Cookies Cookies
	// Now is the clock.
	Now func() time.Time
}

// Verifier finds out who requests are from. Make it with [New]. It is safe for concurrent use.
type Verifier struct {
	config  Config
	headers sharedHeaders // of all sites
	cache   *tokenCache
}

// New returns a verifier. It does no I/O.
func New(config Config) *Verifier {
	return &Verifier{config: config, cache: newTokenCache(MaxCached, maxCachedBytes)}
}

// Authenticate verifies the credential that a request was sent with. A bearer token counts alone,
// whatever the cookie is. Beside the errors above it returns those of Config.Revoked.
func (v *Verifier) Authenticate(ctx context.Context, sent Sent) (*Credential, error) {
	if len(sent.Authorization) > 1 {
		return nil, ErrAmbiguous
	}
	if len(sent.Authorization) == 1 {
		if raw, ok := bearer(sent.Authorization[0]); ok {
			return v.verify(ctx, store.App, raw)
		}
	}
	cookie, found := v.config.Cookies.Value(sent.Cookie, v.config.Cookies.Session)
	if !found {
		return nil, ErrNoCredential
	}
	c, err := v.verify(ctx, store.Browser, cookie)
	if errors.Is(err, ErrToken) {
		return nil, fmt.Errorf("%w: %w", ErrCookie, err)
	}
	return c, err
}

// verify checks a token and that it was not revoked.
func (v *Verifier) verify(ctx context.Context, kind store.Kind, raw string) (*Credential, error) {
	key := keyOf(kind, raw)
	c, cached, err := v.check(ctx, key, kind, raw)
	switch {
	case errors.Is(err, token.ErrNoKeys):
		v.config.Observe(kind, Unknown, cached)
		return nil, ErrStarting
	case err != nil:
		v.config.Observe(kind, Invalid, cached)
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	revoked, err := v.config.Revoked(ctx, &c.Claims)
	switch {
	case errors.Is(err, context.Canceled): // the client hung up
		return nil, err
	case err != nil:
		v.config.Observe(kind, Unknown, cached)
		return nil, err
	case revoked:
		v.config.Observe(kind, Revoked, cached)
		return nil, fmt.Errorf("%w: revoked", ErrToken)
	}
	v.config.Observe(kind, Valid, cached)
	if !cached {
		v.cache.keep(key, c)
	}
	return c, nil
}

// check returns the credential of a valid token, from the cache or new. A cached one is as valid as its
// token is now: it ends with its key, or with its time.
func (v *Verifier) check(ctx context.Context, key tokenKey, kind store.Kind, raw string) (c *Credential, cached bool, err error) {
	c, cached = v.cache.find(key)
	if cached && v.config.Authority.Recheck(&c.Claims) == nil {
		return c, true, nil
	}
	check := v.config.Authority.VerifyAccess
	if kind == store.Browser {
		check = v.config.Authority.VerifySession
	}
	traced := startVerify(ctx, kind)
	claims, err := check(raw)
	endVerify(traced, err)
	if err != nil {
		if cached {
			v.cache.drop(key)
		}
		return nil, false, err
	}
	return newCredential(kind, claims, v.config.Claims), false, nil
}

// Cached returns how many credentials are kept.
func (v *Verifier) Cached() int {
	v.cache.credentials.CleanUp()
	return v.cache.credentials.EstimatedSize()
}
