package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Site protects one upstream. Make one with [Gateway.NewSite]; it is safe for concurrent use.
type Site struct {
	gateway *Gateway
	config  SiteConfig
	headers []extraHeader
	forward string // canonical name of the header that carries the token, or empty
}

type extraHeader struct{ name, claim string }

// NewSite makes a site from its configuration. An error is an [ErrConfig] in one line that names
// the subdirective and the remedy.
func (g *Gateway) NewSite(config SiteConfig) (*Site, error) {
	config = config.withDefaults()
	if err := config.validate(g.config.tokenClaims()); err != nil {
		return nil, err
	}
	s := &Site{gateway: g, config: config}
	var names []string
	for _, h := range config.Headers {
		s.headers = append(s.headers, extraHeader{name: textproto.CanonicalMIMEHeaderKey(h.Name), claim: h.Claim})
		names = append(names, h.Name)
	}
	switch config.ForwardToken {
	case ForwardOff:
	case ForwardAuthorization:
		s.forward = "Authorization"
	default:
		s.forward = textproto.CanonicalMIMEHeaderKey(config.ForwardToken)
		names = append(names, config.ForwardToken)
	}
	g.guard.add(newGuard(names...))
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

// Serve answers a request itself, or hands it to next, stripped and with the identity of a valid
// login. The error is next's: what the site answers itself is written already.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, info Request, next Next) error {
	info = info.withDefaults(r)
	if s.serveOwn(w, r, info) {
		s.gateway.observe.Request(GatewayEndpoint)
		return nil
	}
	p, r := s.enter(passageOf(r.Context()), r)
	if info.Unmatched && !doubtful(r.URL) && !doubtful(info.OriginalURL) {
		s.dropForeignBearer(r.Header, p)
		s.gateway.observe.Request(Unmatched)
		return s.pass(w, r, p, next, false)
	}
	if p.login == nil {
		delete(r.Header, "Authorization")
	}
	if s.public(r.URL, info.OriginalURL) {
		s.gateway.observe.Request(Public)
		return s.pass(w, r, p, next, false)
	}
	if s.config.CORSPreflight && preflight(r) {
		s.gateway.observe.Request(Preflight)
		return s.pass(w, r, p, next, false)
	}
	err := s.admit(r, p)
	if err == nil {
		err = s.identify(r.Header, p)
	}
	switch {
	case err == nil:
		s.gateway.observe.Request(Allowed)
		p.answered.personal = true
		return s.pass(w, r, p, next, false)
	case errors.Is(err, errNoCredential) && s.config.Optional:
		p.login, p.identity = nil, nil // of a login that is at its very end, see mint
		s.gateway.observe.Request(Anonymous)
		return s.pass(w, r, p, next, true)
	default:
		p.writeCookie(w.Header())
		s.refuse(w, r, info, p, err)
		return nil
	}
}

// admit finds out who a request is from, unless a site before did, and whether they get through
// here. What the sites before required of a login goes on to count: one login is to be enough for
// all of them.
func (s *Site) admit(r *http.Request, p *passage) error {
	p.required = p.required.with(s.config.Require)
	if p.login == nil {
		if err := s.authenticate(r, p); err != nil {
			return err
		}
	}
	return s.config.Require.check(p.identity, p.required, s.gateway.now())
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

// enter strips the request and notes what it was sent with. Behind a site of the same gateway
// nothing of the client's is left to strip; one of another gateway strips what the other one set.
func (s *Site) enter(p *passage, r *http.Request) (*passage, *http.Request) {
	if p != nil && p.gateway == s.gateway {
		return p, r
	}
	entered := &passage{gateway: s.gateway, sent: credentialsOf(r)}
	entered.answered = &entered.first
	if p != nil {
		entered.sent, entered.answered = p.sent, p.answered
	}
	s.gateway.guard.load().strip(r)
	s.gateway.cookies.strip(r.Header)
	return entered, r.WithContext(context.WithValue(r.Context(), passageKey{}, entered))
}

// dropForeignBearer removes a bearer token that no site verified, on the way to an upstream that
// takes it for one that the gateway did. Other schemes are not the gateway's.
func (s *Site) dropForeignBearer(h http.Header, p *passage) {
	if s.forward != "Authorization" || p.login != nil {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(h["Authorization"]), namesBearer)
	if len(kept) == 0 {
		delete(h, "Authorization")
		return
	}
	h["Authorization"] = kept
}

// authenticate finds out who the request is from and notes it.
func (s *Site) authenticate(r *http.Request, p *passage) error {
	g := s.gateway
	l, err := g.authenticate(r.Context(), p.sent)
	if err == nil && l.kind == pending.Browser {
		if changesSomething(r) && !sameOrigin(r, g.config.PublicURL) {
			return errCrossSite
		}
		p.cookie, err = g.renewCookie(r.Context(), l, !opensTunnel(r))
	}
	switch {
	case errors.Is(err, errCookie):
		p.cookie = g.cookies.cleared(g.cookies.session)
		return errNoCredential
	case err != nil:
		return err
	}
	p.login = l
	p.identity = &l.identity
	return nil
}

// identify hands the identity to the upstream. All values of a request share one array, which is
// its own: what stands behind the site may append to them and write into them.
func (s *Site) identify(h http.Header, p *passage) error {
	l := p.login
	var bearer string
	if s.forward != "" { // before anything is set: where none can be made, nobody is identified
		var err error
		if bearer, err = s.gateway.bearerOf(p); err != nil {
			return err
		}
	}
	values := make([]string, 0, len(l.values)+len(s.headers)+1)
	set := func(name, value string) {
		if value == "" {
			delete(h, name)
			return
		}
		n := len(values)
		values = append(values, value)
		h[name] = values[n : n+1 : n+1]
	}
	for i, claim := range l.told {
		set(attribute.Header(claim), l.values[i])
	}
	for _, extra := range s.headers {
		set(extra.name, l.value(extra.claim))
	}
	switch s.forward {
	case "":
	case "Authorization":
		set(s.forward, bearer)
	default:
		set(s.forward, strings.TrimPrefix(bearer, bearerPrefix))
	}
	return nil
}

// public reports whether a request needs no login: the path that the client asked for is listed,
// and the current one is the same, is listed too, or is what a stripped prefix has left of it. Both
// count in their canonical form alone.
func (s *Site) public(current, original *url.URL) bool {
	if len(s.config.Public) == 0 {
		return false
	}
	asked, path := original.EscapedPath(), current.EscapedPath()
	if !canonical(asked) || (path != asked && !canonical(path)) {
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
