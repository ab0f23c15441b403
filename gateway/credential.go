package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// ErrCredential is returned when a request's credential is refused: the client's fault, in
// contrast to a store or keys that are not there.
var ErrCredential = errors.New("credential refused")

// Why a credential does not log anybody in.
var (
	// errNoCredential is returned when a request carries none.
	errNoCredential = errors.New("no credential")
	// errToken is returned when a bearer token is not ours, not valid, or revoked.
	errToken = errors.New("invalid token")
	// errCookie is returned when a session cookie is not valid; it is cleared, and counts as none.
	errCookie = errors.New("invalid session cookie")
	// errAmbiguous is returned when a request has two Authorization lines.
	errAmbiguous = fmt.Errorf("%w: more than one Authorization header", errRequest)
	// errCrossSite is returned when a cookie's request may come from another site.
	errCrossSite = errors.New("cross-site request")
)

// credentials are the header lines that a request was sent with, before a site strips it.
type credentials struct {
	authorization []string
	cookie        []string
}

func credentialsOf(r *http.Request) credentials {
	return credentials{authorization: r.Header["Authorization"], cookie: r.Header["Cookie"]}
}

// restored is a request as it was sent, for a gateway that comes after another one's site.
func (c credentials) restored(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header["Authorization"], r.Header["Cookie"] = c.authorization, c.cookie
	return r
}

// authenticate verifies what a request was sent with. Where there is a bearer token it alone
// counts, whatever the cookie says.
func (g *Gateway) authenticate(ctx context.Context, c credentials) (*login, error) {
	if len(c.authorization) > 1 {
		return nil, errAmbiguous
	}
	if len(c.authorization) == 1 {
		if raw, ok := bearer(c.authorization[0]); ok {
			return g.verify(ctx, pending.App, raw)
		}
	}
	cookie, sent := g.cookies.value(c.cookie, g.cookies.session)
	if !sent {
		return nil, errNoCredential
	}
	l, err := g.verify(ctx, pending.Browser, cookie)
	if errors.Is(err, errToken) {
		return nil, fmt.Errorf("%w: %w", errCookie, err)
	}
	return l, err
}

// Authenticate verifies a request's bearer token. It returns nil and no error when the request
// carries none, [ErrCredential] when it carries a bad one or two of them, and another error when
// it cannot be told. The error's text is safe to log.
func (g *Gateway) Authenticate(r *http.Request) (*Identity, error) {
	l, err := g.authenticate(r.Context(), credentials{authorization: r.Header["Authorization"]})
	switch {
	case errors.Is(err, errNoCredential):
		return nil, nil
	case errors.Is(err, errToken), errors.Is(err, errAmbiguous):
		return nil, fmt.Errorf("%w: %w", ErrCredential, err)
	case err != nil:
		return nil, err
	}
	return &l.identity, nil
}

// bearer reads the credentials of RFC 6750 section 2.1. Whatever names the scheme is a bearer
// token, and a malformed one is a bad one: it never falls back to the cookie, and no token counts
// in it.
func bearer(value string) (raw string, ok bool) {
	scheme, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimLeft(rest, " "), true
	}
	return "", hasBearerPrefix(scheme)
}

// namesBearer reports whether a value holds the word Bearer anywhere. An upstream that splits it
// at "Bearer ", or trims what is no blank to us, finds a token where [bearer] finds none.
func namesBearer(value string) bool {
	return slices.ContainsFunc(tokensIn(value), func(word string) bool { return strings.EqualFold(word, "Bearer") })
}

// hasBearerPrefix catches a scheme that another character than a blank ends, such as a tab,
// which some servers take for the same.
func hasBearerPrefix(scheme string) bool {
	const name = "bearer"
	return len(scheme) > len(name) && strings.EqualFold(scheme[:len(name)], name) && !tokenChar(scheme[len(name)])
}

// tokenChar is RFC 9110 section 5.6.2.
func tokenChar(b byte) bool {
	return b > ' ' && b < 0x7F && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(b))
}

// noTokenChar reports whether a character cannot stand in a name of RFC 9110. Some server takes each
// of them for a blank: U+00A0, its one byte in Latin-1, U+FEFF, a control character, a quote.
func noTokenChar(r rune) bool { return r > '~' || !tokenChar(byte(r)) }

// verify checks a token and that it was not revoked.
func (g *Gateway) verify(ctx context.Context, kind pending.Kind, raw string) (*login, error) {
	key := keyOf(kind, raw)
	l, kept, err := g.check(ctx, key, kind, raw)
	switch {
	case errors.Is(err, token.ErrNoKeys):
		g.observe.Verification(Verification{kind, Unknown, kept})
		return nil, errStarting
	case err != nil:
		g.observe.Verification(Verification{kind, Bad, kept})
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	claims := &l.claims
	revoked, err := g.store.Revoked(ctx, pending.Credential{
		TokenID: claims.ID, Login: claims.Login(), Subject: claims.Subject, IssuedAt: claims.IssuedAt,
		Mark: markOf(claims.ID),
	})
	switch {
	case errors.Is(err, context.Canceled): // the client hung up
		return nil, storeError(err)
	case err != nil:
		g.observe.Verification(Verification{kind, Unknown, kept})
		return nil, storeError(err)
	case revoked:
		g.observe.Verification(Verification{kind, Revoked, kept})
		return nil, fmt.Errorf("%w: revoked", errToken)
	}
	g.observe.Verification(Verification{kind, Good, kept})
	if !kept {
		g.verified.keep(key, l)
	}
	return l, nil
}

// check returns the login of a good token, kept from before or new. A kept one is as good as its
// token is now: a key that has left, or a time that is over, ends it.
func (g *Gateway) check(ctx context.Context, key tokenKey, kind pending.Kind, raw string) (l *login, kept bool, err error) {
	l, kept = g.verified.find(key)
	if kept && g.authority.Recheck(&l.claims) == nil {
		return l, true, nil
	}
	check := g.authority.VerifyAccess
	if kind == pending.Browser {
		check = g.authority.VerifySession
	}
	_, traced := startSpan(ctx, spanVerify, kind)
	claims, err := check(raw)
	endVerify(traced, err)
	if err != nil {
		if kept {
			g.verified.drop(key)
		}
		return nil, false, err
	}
	return newLogin(kind, claims, g.told), false, nil
}
