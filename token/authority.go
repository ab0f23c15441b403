package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

// ErrConfig is returned when a Config cannot be used.
var ErrConfig = errors.New("token configuration is not usable")

// Config configures which tokens an Authority issues and accepts.
type Config struct {
	// Issuer is the iss of every token. Required: an https URL (http on loopback hosts only) without user, query or
	// fragment (RFC 8414 section 2). Verifiers compare it byte for byte.
	Issuer string
	// Audience is the aud of access tokens. Required. With more than one, a service can present a token that it received
	// to another service. A token is accepted when its aud has any of them.
	Audience []string
	// ClientID is the client_id of every token. Required.
	ClientID string
	// SessionAudience is the aud of session tokens: the gateway itself. Required. It must not be in Audience: an upstream
	// that checks aud but not typ would accept a browser's cookie as an access token.
	SessionAudience string
	// Lifetime is the lifetime of an access token. Required; at least one second, and cut to whole seconds.
	Lifetime time.Duration
	// SessionLifetime is the lifetime of a session token. Required; at least one second, and cut to whole seconds.
	SessionLifetime time.Duration
	// Encrypted says that [Authority.IssueAccess] encrypts access tokens, so that only the gateway reads them. Session
	// tokens are always encrypted. Verification accepts signed and encrypted access tokens alike: a change of Encrypted
	// ends no login.
	Encrypted bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of token IDs; it must be safe for concurrent use. Nil means crypto/rand.Reader. Keys and
	// signatures always use the system's own source.
	Rand io.Reader
}

// Authority issues and verifies the tokens of one gateway. Its methods may be called from many goroutines.
type Authority struct {
	issuer   string
	clientID string
	access   kind
	session  kind
	minted   kind
	keys     *Keys
	now      func() time.Time
	rand     io.Reader
}

// kind holds the differences between access tokens and session tokens.
type kind struct {
	// typ is the typ of the header that is written; accepts reports whether a typ that is read means the same.
	typ      string
	accepts  func(typ string) bool
	audience []string
	lifetime time.Duration
	// use selects the key that encrypts tokens of the kind.
	use Use
	// encrypts says that tokens of the kind are issued encrypted.
	encrypts bool
	// signed says that a token of the kind may be signed without being encrypted.
	signed bool
	// minted says that a token of the kind is for an upstream: of any audience, and no credential.
	minted bool
}

// size bounds a token of the kind in bytes.
func (k kind) size() int {
	if k.minted {
		return MaxMintedSize
	}
	return MaxSize
}

// NewAuthority returns an Authority that signs and verifies with the KeySet in keys. While keys is empty, every call
// returns ErrNoKeys. It does no I/O. It returns ErrConfig for an invalid Config.
func NewAuthority(c Config, keys *Keys) (*Authority, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if keys == nil {
		return nil, fmt.Errorf("%w: keys is nil", ErrConfig)
	}
	a := &Authority{
		issuer:   c.Issuer,
		clientID: c.ClientID,
		access: kind{
			typ: accessType, accepts: isAccessType, audience: slices.Clone(c.Audience),
			lifetime: c.Lifetime.Truncate(time.Second), use: UseAccessToken, encrypts: c.Encrypted, signed: true,
		},
		session: kind{
			typ: sessionType, accepts: isSessionType, audience: []string{c.SessionAudience},
			lifetime: c.SessionLifetime.Truncate(time.Second), use: UseSessionCookie, encrypts: true,
		},
		keys: keys,
		now:  c.Now,
		rand: c.Rand,
	}
	a.minted = a.access
	a.minted.lifetime, a.minted.minted = min(a.access.lifetime, MaxMintedLifetime), true
	a.minted.encrypts = false // upstreams read it
	if a.now == nil {
		a.now = time.Now
	}
	if a.rand == nil {
		a.rand = rand.Reader
	}
	return a, nil
}

func (c *Config) validate() error {
	if err := validateIssuer(c.Issuer); err != nil {
		return err
	}
	switch {
	case len(c.Audience) == 0 || slices.Contains(c.Audience, ""):
		return fmt.Errorf("%w: the audience is empty", ErrConfig)
	case c.ClientID == "":
		return fmt.Errorf("%w: the client ID is empty", ErrConfig)
	case c.SessionAudience == "":
		return fmt.Errorf("%w: the audience of session tokens is empty", ErrConfig)
	case slices.Contains(c.Audience, c.SessionAudience):
		return fmt.Errorf("%w: access tokens and session tokens have the same audience", ErrConfig)
	case c.Lifetime < time.Second || c.SessionLifetime < time.Second:
		return fmt.Errorf("%w: a lifetime is shorter than one second", ErrConfig)
	}
	for _, text := range append(slices.Clone(c.Audience), c.ClientID, c.SessionAudience) {
		if valid(text) != text {
			return fmt.Errorf("%w: an audience or the client ID is not UTF-8", ErrConfig)
		}
	}
	return nil
}

func validateIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || valid(issuer) != issuer:
		return fmt.Errorf("%w: the issuer is not an https URL", ErrConfig)
	case strings.ContainsAny(issuer, "?#"):
		return fmt.Errorf("%w: the issuer has a query or a fragment", ErrConfig)
	case u.Scheme == "https", u.Scheme == "http" && loopback.Host(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: the issuer is not https, and http is for loopback hosts only", ErrConfig)
}

// NewID returns a new random login: the ID of its first token, and the part before the dot in the IDs of its others.
// It panics when Config.Rand fails. The default source never fails.
func (a *Authority) NewID() string {
	id := make([]byte, 16)
	if _, err := io.ReadFull(a.rand, id); err != nil {
		panic("token: reading random source: " + err.Error())
	}
	return encoding.EncodeToString(id)
}

// IssueAccess signs an access token, encrypts it with [Config.Encrypted], and returns it with its claims. It returns
// ErrClaims for invalid claims, ErrExpired for an end in the past, ErrTooLarge for too many attributes, and ErrNoKeys
// while there are no keys.
func (a *Authority) IssueAccess(c Claims) (string, Claims, error) { return a.issue(a.access, c) }

// IssueSession is IssueAccess for session tokens, which are always encrypted.
func (a *Authority) IssueSession(c Claims) (string, Claims, error) { return a.issue(a.session, c) }

func (a *Authority) issue(k kind, c Claims) (string, Claims, error) {
	keys := a.keys.KeySet()
	if keys == nil {
		return "", Claims{}, fmt.Errorf("issuing token: %w", ErrNoKeys)
	}
	c, err := a.fill(k, keys.current, c)
	if err != nil {
		return "", Claims{}, fmt.Errorf("issuing token: %w", err)
	}
	raw, err := keys.current.issue(k, &c)
	if err == nil && k.encrypts {
		raw, err = keys.current.encrypt(k, a.issuer, raw)
	}
	if err != nil {
		return "", Claims{}, fmt.Errorf("issuing token: %w", err)
	}
	return raw, c, nil
}

// fill returns the claims of the token.
func (a *Authority) fill(k kind, key *Key, c Claims) (Claims, error) {
	now := a.now()
	if !k.minted {
		c.Audience, c.Parent = nil, ""
	}
	if len(c.Audience) == 0 {
		c.Audience = k.audience
	}
	c.Issuer, c.Audience, c.ClientID, c.IDP = a.issuer, slices.Clone(c.Audience), a.clientID, idp
	c.KeyID = key.id
	c.IssuedAt = wholeSecond(now)
	end := c.IssuedAt.Add(k.lifetime)
	if c.ExpiresAt.IsZero() || c.ExpiresAt.After(end) {
		c.ExpiresAt = end
	}
	c.ExpiresAt = wholeSecond(c.ExpiresAt)
	if !c.ExpiresAt.After(c.IssuedAt) {
		return c, ErrExpired
	}
	if c.ID == "" {
		c.ID = a.NewID()
	}
	c.LoginID = ""
	if k.minted {
		c.LoginID = c.Login()
	}
	c.AuthTime = wholeSecond(c.AuthTime)
	var err error
	if c.Attributes, err = cleanAttributes(c.Attributes); err != nil {
		return c, err
	}
	return c, c.check(k)
}

// head returns the first part of the key's tokens. JSON escapes nothing in an algorithm, a typ and a SHA-256 in
// base64url.
func (k Key) head(typ string) string {
	return encoding.EncodeToString([]byte(`{"alg":"` + string(k.algorithm) + `","typ":"` + typ + `","kid":"` + k.id + `"}`))
}

// issue signs the claims.
func (k Key) issue(of kind, c *Claims) (string, error) {
	payload, err := c.marshal()
	if err != nil {
		return "", err
	}
	input := k.head(of.typ) + "." + encoding.EncodeToString(payload)
	if len(input)+1+encoding.EncodedLen(k.size) > of.size() {
		return "", ErrTooLarge
	}
	signature, err := k.sign(input)
	if err != nil {
		return "", err
	}
	return input + "." + encoding.EncodeToString(signature), nil
}

func wholeSecond(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }
