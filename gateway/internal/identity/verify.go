package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/internal/span"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Errors of requests without a valid credential.
var (
	// ErrNoCredential is returned when a request has no credential.
	ErrNoCredential = errors.New("no credential")
	// ErrToken is returned when a bearer token is not ours, invalid, or revoked.
	ErrToken = errors.New("invalid token")
	// ErrCookie is returned when a session cookie is invalid. The caller clears the cookie and treats the
	// request as one without a credential.
	ErrCookie = errors.New("invalid session cookie")
	// ErrAmbiguous is returned when a request has two Authorization lines.
	ErrAmbiguous = errors.New("more than one Authorization header")
	// ErrStarting is returned while there are no signing keys yet.
	ErrStarting = errors.New("starting")
)

// Result says whether a credential is valid.
type Result uint8

const (
	// Valid is a valid credential.
	Valid Result = iota
	// Invalid is a credential that the gateway did not issue, or that has expired.
	Invalid
	// Revoked is a valid credential that was revoked.
	Revoked
	// Unknown is a credential that could not be checked: there are no keys, or the store is unavailable.
	Unknown
)

// Config configures a [Guard]. Every field is required.
type Config struct {
	// Authority verifies tokens and issues those for upstreams.
	Authority *token.Authority
	// Keys returns the current keys, or nil while there are none.
	Keys func() *token.KeySet
	// Revoked reports whether a token was revoked. It reads the store.
	Revoked func(context.Context, store.Credential) (bool, error)
	// Observe receives every check of a credential, and whether the credential was cached.
	Observe func(kind store.Kind, result Result, cached bool)
	// Claims lists the claims for upstreams.
	Claims []string
	// Cookies names the gateway's cookies.
	Cookies Cookies
	// Proofs checks DPoP proofs.
	Proofs *dpop.Checker
	// KeyRequired refuses bearer tokens of apps that are not bound to a key.
	KeyRequired bool
	// Now is the clock.
	Now func() time.Time
}

// Guard verifies who requests are from, and decides which headers reach an upstream. Make one with [New]. It is
// safe for concurrent use.
type Guard struct {
	config  Config
	headers sharedHeaders // of all sites
	cache   *tokenCache
}

// New returns a guard. It does no I/O.
func New(config Config) *Guard {
	return &Guard{config: config, cache: newTokenCache(MaxCached, maxCachedBytes)}
}

// Authenticate verifies the credential that a client sent. With a bearer or DPoP token the cookie is ignored. It
// returns one of the errors above, an error of package dpop, or an error of Config.Revoked.
func (g *Guard) Authenticate(ctx context.Context, sent CredentialHeaders) (*Credential, error) {
	if len(sent.Authorization) > 1 {
		return nil, ErrAmbiguous
	}
	if len(sent.Authorization) == 1 {
		if raw, ok := bearer(sent.Authorization[0]); ok {
			return g.verifyBearer(ctx, raw)
		}
		if raw, ok := dpopToken(sent.Authorization[0]); ok {
			return g.verifyBound(ctx, sent, raw)
		}
	}
	cookie, found := g.config.Cookies.Value(sent.Cookie, g.config.Cookies.Session)
	if !found {
		return nil, ErrNoCredential
	}
	c, err := g.verify(ctx, store.Browser, cookie)
	if err == nil && c.bound() {
		return nil, fmt.Errorf("%w: bound to a key", ErrCookie)
	}
	if errors.Is(err, ErrToken) {
		return nil, fmt.Errorf("%w: %w", ErrCookie, err)
	}
	return c, err
}

// verify checks a token and its revocation.
func (g *Guard) verify(ctx context.Context, kind store.Kind, raw string) (*Credential, error) {
	var key tokenKey
	// Long garbage is not worth its hash.
	if len(raw) <= shortToken || g.config.Authority.NamesKey(raw) {
		key = keyOf(kind, raw)
	}
	c, cached, err := g.check(ctx, key, kind, raw)
	switch {
	case errors.Is(err, token.ErrNoKeys):
		g.config.Observe(kind, Unknown, cached)
		return nil, ErrStarting
	case err != nil:
		g.config.Observe(kind, Invalid, cached)
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	revoked, err := g.config.Revoked(ctx, StoreCredential(&c.Claims))
	switch {
	case errors.Is(err, context.Canceled): // the client hung up
		return nil, err
	case err != nil:
		g.config.Observe(kind, Unknown, cached)
		return nil, err
	case revoked:
		g.config.Observe(kind, Revoked, cached)
		return nil, fmt.Errorf("%w: revoked", ErrToken)
	}
	g.config.Observe(kind, Valid, cached)
	if !cached {
		g.cache.keep(key, c)
	}
	return c, nil
}

// StoreCredential returns the parts of a token that a revocation can refuse.
func StoreCredential(c *token.Claims) store.Credential {
	return store.Credential{TokenID: c.ID, Login: c.Login(), Subject: c.Subject, IssuedAt: c.IssuedAt, Mark: c.Mark()}
}

// spanVerify is the span of the check of a token that is not in the cache. A cached token gets no span: its
// check takes no time.
const spanVerify = "token.verify"

// tokenErrors are the errors that such a span names.
var tokenErrors = []error{
	token.ErrNoKeys, token.ErrTooLarge, token.ErrMalformed, token.ErrType, token.ErrMinted, token.ErrAlgorithm, token.ErrUnknownKey, token.ErrSignature, token.ErrDecryption,
	token.ErrExpired, token.ErrNotYetValid, token.ErrIssuer, token.ErrAudience, token.ErrClaims,
}

// check returns the credential of a valid token, from the cache or new. A cached credential is valid until its
// key leaves the set or it expires.
func (g *Guard) check(ctx context.Context, key tokenKey, kind store.Kind, raw string) (c *Credential, cached bool, err error) {
	c, cached = g.cache.find(key)
	if cached && g.config.Authority.Recheck(&c.Claims) == nil {
		return c, true, nil
	}
	verifyToken := g.config.Authority.VerifyAccess
	if kind == store.Browser {
		verifyToken = g.config.Authority.VerifySession
	}
	_, traced := span.Start(ctx, spanVerify, span.KindKey.String(kind.String()))
	claims, err := verifyToken(raw)
	span.End(traced, err, tokenErrors...)
	if err != nil {
		if cached {
			g.cache.drop(key)
		}
		return nil, false, err
	}
	c = newCredential(kind, claims, g.config.Claims)
	c.key = key
	return c, false, nil
}

// Cached returns the number of cached credentials.
func (g *Guard) Cached() int {
	g.cache.credentials.CleanUp()
	return g.cache.credentials.EstimatedSize()
}
