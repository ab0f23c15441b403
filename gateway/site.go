package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// Site protects one upstream. Make one with [Gateway.NewSite]. It is safe for concurrent use.
type Site struct {
	gateway    *Gateway
	config     SiteConfig
	require    identity.Requirements
	upstream   identity.Upstream
	proofHosts proofHosts
}

// NewSite makes a site from its configuration. Its error is an [ErrConfig] in one line that names the
// subdirective and the remedy.
func (g *Gateway) NewSite(config SiteConfig) (*Site, error) {
	config = config.withDefaults()
	if err := g.config.validateSite(config); err != nil {
		return nil, err
	}
	s := &Site{
		gateway: g, config: config, require: config.Require.forIdentity(),
		proofHosts: append(g.proofHosts.with(config.Hosts), urlHosts(config.Audience)...),
	}
	for _, h := range config.Headers {
		s.upstream.AddHeader(h.Name, h.Claim)
	}
	if config.ForwardToken != ForwardOff {
		s.upstream.SetTokenHeader(config.ForwardToken)
	}
	if config.Claims != nil {
		s.upstream.LimitClaims(withEmailVerified(config.Claims))
	}
	s.upstream.SetAudience(config.Audience)
	if err := g.audiences.add(g.config, config.Audience); err != nil {
		return nil, err
	}
	g.guard.ReserveHeaders(&s.upstream)
	return s, nil
}

// Handler protects an http.Handler.
func (s *Site) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = s.Serve(w, r, RequestInfo{}, func(w http.ResponseWriter, r *http.Request) error {
			next.ServeHTTP(w, r)
			return nil
		})
	})
}

// Serve answers a request itself, or passes it to next, stripped and with the identity of a valid login. It
// returns the error of next. The site has already answered its own errors.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, info RequestInfo, next Next) error {
	info = info.withDefaults(r)
	if s.serveEndpoint(w, r, info) {
		s.gateway.config.Observe.Request(GatewayEndpoint)
		return nil
	}
	state, r := s.gateway.guard.Enter(r)
	if info.Proof != nil {
		state.Sent.Checked = (*identity.CheckedProof)(info.Proof)
	}
	if info.Unmatched && !identity.DoubtfulPath(r.URL) && !identity.DoubtfulPath(info.OriginalURL) {
		if state.Credential == nil {
			s.dropCredential(r.Header)
		}
		s.gateway.config.Observe.Request(Unmatched)
		return s.pass(w, r, state, next, false)
	}
	// All schemes go, not only Bearer: behind a site, only the gateway sends Authorization.
	if state.Credential == nil {
		delete(r.Header, "Authorization")
	}
	if s.public(r.URL, info.OriginalURL) {
		s.gateway.config.Observe.Request(Public)
		return s.passOpen(w, r, state, next)
	}
	if s.config.CORSPreflight && preflight(r) {
		s.gateway.config.Observe.Request(Preflight)
		return s.passOpen(w, r, state, next)
	}
	return s.passProtected(w, r, info, state, next)
}

// passProtected passes on a request with the identity of a valid login, or refuses it.
func (s *Site) passProtected(w http.ResponseWriter, r *http.Request, info RequestInfo, state *identity.RequestState, next Next) error {
	if len(state.Sent.DPoP) > 0 { // most requests have no proof
		state.Sent.Target = s.proofHosts.targetOf(info)
	}
	err := s.authorize(r, state)
	if err == nil {
		err = s.gateway.guard.SetHeaders(r.Context(), r.Header, state, &s.upstream)
	}
	switch {
	case err == nil:
		s.gateway.config.Observe.Request(Allowed)
		state.Answer.Personal = true
		return s.pass(w, r, state, next, false)
	case errors.Is(err, identity.ErrNoCredential) && s.config.Optional:
		// SetHeaders fails with this error too, when the session token just expired.
		state.Credential = nil
		s.gateway.config.Observe.Request(Anonymous)
		return s.pass(w, r, state, next, true)
	}
	state.WriteCookie(w.Header())
	s.refuse(w, r, info, state, err)
	return nil
}

// passOpen passes on a request that needs no login here. Behind a site that verified one, the upstream of this site
// receives no more than this site sends, and no token of that site. Where none can be minted it receives no identity.
func (s *Site) passOpen(w http.ResponseWriter, r *http.Request, state *identity.RequestState, next Next) error {
	if state.Credential != nil {
		_ = s.gateway.guard.SetHeaders(r.Context(), r.Header, state, &s.upstream)
	}
	return s.pass(w, r, state, next, false)
}

// dropCredential removes the client's credential from a request that needs no login. An upstream that takes the gateway's
// bearer tokens gets no other bearer token either. Credentials of other schemes stay.
func (s *Site) dropCredential(h http.Header) {
	s.gateway.guard.DropOwn(h)
	identity.DropDPoP(h)
	if s.upstream.TakesBearer() {
		identity.DropBearer(h)
	}
}

// authorize verifies who a request is from, unless a site before this one did, and checks the requirements of
// this site. Requirements of earlier sites still count in a challenge, so that one login satisfies all sites.
func (s *Site) authorize(r *http.Request, state *identity.RequestState) error {
	state.Required = state.Required.With(s.require)
	if state.Credential == nil {
		if err := s.authenticate(r, state); err != nil {
			return err
		}
	}
	return s.require.Check(state.Credential, state.Required, s.gateway.config.Now())
}

// authenticate verifies the credential of a request and stores it in the state. It renews the cookie of a
// browser.
func (s *Site) authenticate(r *http.Request, state *identity.RequestState) error {
	g := s.gateway
	c, err := g.guard.Authenticate(r.Context(), state.Sent)
	if err == nil && c.Kind == store.Browser {
		if unsafeRequest(r) && !sameOrigin(r, g.config.PublicURL) {
			return errCrossSite
		}
		state.SetCookie, err = g.renewCookie(r.Context(), c, !opensTunnel(r))
	}
	switch {
	case errors.Is(err, identity.ErrCookie):
		state.SetCookie = g.cookies.ClearLine(g.cookies.Session)
		return identity.ErrNoCredential
	case err != nil:
		return err
	}
	state.Credential = c
	return nil
}

// renewCookie returns the Set-Cookie that renews a login's cookie, or nothing. It returns identity.ErrCookie
// for a login that ended. settable is false for an answer that can set no cookie: then none is renewed.
func (g *Gateway) renewCookie(ctx context.Context, c *identity.Credential, settable bool) (cookie string, err error) {
	renewed, err := g.logins.Renew(ctx, login.SessionCookie{Claims: &c.Claims, Presented: &c.Presented}, settable)
	switch {
	case errors.Is(err, login.ErrGrant):
		return "", identity.ErrCookie
	case err != nil || renewed.Token == "":
		return "", err
	}
	return g.cookies.SetLine(g.cookies.Session, renewed.Token, renewed.Lifetime), nil
}

// public reports whether a request needs no login. The path that the client requested must be listed. The
// current path must be the same, be listed too, or be the rest of the requested one after a prefix was
// stripped. Both paths count only in their canonical form.
func (s *Site) public(current, original *url.URL) bool {
	if len(s.config.Public) == 0 {
		return false
	}
	asked, path := original.EscapedPath(), current.EscapedPath()
	if !identity.CanonicalPath(asked) || (path != asked && !identity.CanonicalPath(path)) {
		return false
	}
	listed := slices.ContainsFunc(s.config.Public, func(pattern string) bool { return publicMatches(pattern, path) })
	return slices.ContainsFunc(s.config.Public, func(pattern string) bool {
		return publicMatches(pattern, asked) && (listed || isStrippedRest(pattern, asked, path))
	})
}

// publicMatches reports whether a pattern of [SiteConfig].Public matches a canonical path.
func publicMatches(pattern, path string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return path == pattern || (wild && strings.HasPrefix(path, prefix))
}

// isStrippedRest reports whether path is the rest of the requested path after a prefix was stripped. At least one
// segment of the pattern before its wildcard must be left: with /assets/* listed and /assets stripped, a request
// for /assets/private would reach /private.
func isStrippedRest(pattern, asked, path string) bool {
	prefix, stripped := strings.CutSuffix(asked, path)
	return stripped && len(prefix)+1 < len(strings.TrimSuffix(pattern, "*"))
}
