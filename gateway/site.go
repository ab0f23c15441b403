package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Site protects one upstream. Make one with [Gateway.NewSite]; it is safe for concurrent use.
type Site struct {
	gateway  *Gateway
	config   SiteConfig
	require  identity.Requirements
	upstream identity.Upstream
}

// NewSite makes a site from its configuration. An error is an [ErrConfig] in one line that names
// the subdirective and the remedy.
func (g *Gateway) NewSite(config SiteConfig) (*Site, error) {
	config = config.withDefaults()
	if err := config.validate(g.config.tokenClaims()); err != nil {
		return nil, err
	}
	s := &Site{gateway: g, config: config, require: config.Require.translated()}
	for _, h := range config.Headers {
		s.upstream.AddHeader(h.Name, h.Claim)
	}
	if config.ForwardToken != ForwardOff {
		s.upstream.SetTokenHeader(config.ForwardToken)
	}
	g.verifier.Own(&s.upstream)
	return s, nil
}

// CheckSite reports what [Gateway.NewSite] would refuse, without a gateway. It reads no more of the
// configuration than Attributes and the claims of Token. What is wrong with those, [New] reports.
func (c Config) CheckSite(site SiteConfig) error {
	c = c.WithDefaults()
	if c.validateAttributes() != nil || c.validateClaims() != nil {
		return nil
	}
	return site.withDefaults().validate(c.tokenClaims())
}

// tokenClaims are the attribute claims that a token can have.
func (c Config) tokenClaims() []string {
	claims := slices.Clone(c.Token.Claims)
	if slices.Contains(claims, "email") {
		claims = append(claims, "email_verified")
	}
	return claims
}

// Handler protects an http.Handler.
func (s *Site) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = s.Serve(w, r, Request{}, func(w http.ResponseWriter, r *http.Request) error {
			next.ServeHTTP(w, r)
			return nil
		})
	})
}

// Serve answers a request itself, or gives it to next, stripped and with the identity of a valid
// login. The error is next's: what the site answers itself is written already.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, info Request, next Next) error {
	info = info.withDefaults(r)
	if s.serveOwn(w, r, info) {
		s.gateway.observe.Request(GatewayEndpoint)
		return nil
	}
	state, r := s.gateway.verifier.Enter(r)
	if info.Unmatched && !identity.DoubtfulPath(r.URL) && !identity.DoubtfulPath(info.OriginalURL) {
		if state.Credential == nil && s.upstream.TakesBearer() {
			identity.DropBearer(r.Header)
		}
		s.gateway.observe.Request(Unmatched)
		return s.pass(w, r, state, next, false)
	}
	if state.Credential == nil {
		delete(r.Header, "Authorization")
	}
	if s.public(r.URL, info.OriginalURL) {
		s.gateway.observe.Request(Public)
		return s.pass(w, r, state, next, false)
	}
	if s.config.CORSPreflight && preflight(r) {
		s.gateway.observe.Request(Preflight)
		return s.pass(w, r, state, next, false)
	}
	err := s.admit(r, state)
	if err == nil {
		err = s.gateway.verifier.SetHeaders(r.Header, state, &s.upstream)
	}
	switch {
	case err == nil:
		s.gateway.observe.Request(Allowed)
		state.Answer.Personal = true
		return s.pass(w, r, state, next, false)
	case errors.Is(err, identity.ErrNoCredential) && s.config.Optional:
		state.Credential = nil // of a cookie at its very end, of which no upstream token can be made
		s.gateway.observe.Request(Anonymous)
		return s.pass(w, r, state, next, true)
	default:
		state.WriteCookie(w.Header())
		s.refuse(w, r, info, state, err)
		return nil
	}
}

// admit finds out who a request is from, unless a site before did, and checks what this site requires.
// The requirements of the sites before still count: one login must be enough for all of them.
func (s *Site) admit(r *http.Request, state *identity.RequestState) error {
	state.Required = state.Required.With(s.require)
	if state.Credential == nil {
		if err := s.authenticate(r, state); err != nil {
			return err
		}
	}
	return s.require.Check(state.Credential, state.Required, s.gateway.now())
}

func (i Request) withDefaults(r *http.Request) Request {
	if i.OriginalURL == nil {
		i.OriginalURL = r.URL
	}
	if !i.Client.IsValid() {
		if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			i.Client = remote.Addr()
		}
	}
	return i
}

// authenticate finds out who the request is from and notes it. It renews a browser's cookie.
func (s *Site) authenticate(r *http.Request, state *identity.RequestState) error {
	g := s.gateway
	c, err := g.verifier.Authenticate(r.Context(), state.Sent)
	if err == nil && c.Kind == store.Browser {
		if changesSomething(r) && !sameOrigin(r, g.config.PublicURL) {
			return errCrossSite
		}
		state.SetCookie, err = g.renewCookie(r.Context(), c, !opensTunnel(r))
	}
	switch {
	case errors.Is(err, identity.ErrCookie):
		state.SetCookie = g.cookies.Cleared(g.cookies.Session)
		return identity.ErrNoCredential
	case err != nil:
		return err
	}
	state.Credential = c
	return nil
}

// renewCookie returns the Set-Cookie that renews the cookie of a login, or nothing. It returns
// identity.ErrCookie for a login that is over. An answer that can set no cookie renews none.
func (g *Gateway) renewCookie(ctx context.Context, c *identity.Credential, settable bool) (cookie string, err error) {
	renewed, err := g.logins.Renew(ctx, login.SessionCookie{Claims: &c.Claims, Sent: &c.Presented}, settable)
	switch {
	case errors.Is(err, login.ErrGrant):
		return "", identity.ErrCookie
	case err != nil || renewed.Token == "":
		return "", err
	}
	return g.cookies.Valued(g.cookies.Session, renewed.Token, renewed.Lifetime), nil
}

// public reports whether a request needs no login: the path that the client asked for is listed,
// and the current one is the same, is listed too, or is what a stripped prefix has left of it. Both
// count in their canonical form alone.
func (s *Site) public(current, original *url.URL) bool {
	if len(s.config.Public) == 0 {
		return false
	}
	asked, path := original.EscapedPath(), current.EscapedPath()
	if !identity.CanonicalPath(asked) || (path != asked && !identity.CanonicalPath(path)) {
		return false
	}
	listed := slices.ContainsFunc(s.config.Public, func(pattern string) bool { return lists(pattern, path) })
	return slices.ContainsFunc(s.config.Public, func(pattern string) bool {
		return lists(pattern, asked) && (listed || leftOf(pattern, asked, path))
	})
}

// lists reports whether a pattern of [SiteConfig.Public] lists a canonical path.
func lists(pattern, path string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return path == pattern || (wild && strings.HasPrefix(path, prefix))
}

// leftOf reports whether a path is what a stripped prefix has left of the one that the client asked
// for, which the pattern lists. Of the pattern, more than a wildcard must be left too: with
// /assets/* stripped of /assets, a client that asks for /assets/private would choose any path.
func leftOf(pattern, asked, path string) bool {
	prefix, stripped := strings.CutSuffix(asked, path)
	return stripped && len(prefix)+1 < len(strings.TrimSuffix(pattern, "*"))
}
