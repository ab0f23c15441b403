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
	if err := config.validate(g.tokenClaims()); err != nil {
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

// tokenClaims are the attribute claims that a token can have.
func (g *Gateway) tokenClaims() []string {
	claims := slices.Clone(g.config.Token.Claims)
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
		s.gateway.observe.Request(Own)
		return nil
	}
	p, r := s.enter(passageOf(r.Context()), r)
	if info.Unprotected && !doubtful(r.URL) && !doubtful(info.OriginalURL) {
		s.dropForeignBearer(r.Header, p)
		s.gateway.observe.Request(Unprotected)
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
		p.login, p.identity, p.renew = nil, nil, nil // of a login that is at its very end, see mint
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
		var due bool
		if due, err = g.slides(r.Context(), l); due && !upgrades(r) {
			p.renew = l
		}
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

// preflight reports whether a request is a CORS preflight and nothing more (Fetch, "CORS-preflight
// fetch"): it asks whether another one may be sent, so it has no body.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.ContentLength == 0 &&
		len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1
}

// upgrades reports whether a request asks for a connection that becomes something else: its answer
// has no header that a cookie could stand in. HTTP/2 asks with CONNECT (RFC 8441).
func upgrades(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect
}

// changesSomething reports whether a request may do more than read: every other method, and a
// connection that becomes something else, such as a WebSocket.
func changesSomething(r *http.Request) bool {
	return (r.Method != http.MethodGet && r.Method != http.MethodHead) || upgrades(r)
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
		set(ownHeader(claim), l.values[i])
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

// public reports whether a path needs no login, by its canonical form alone: as it is now, and
// as the client asked for it.
func (s *Site) public(current, original *url.URL) bool {
	if len(s.config.Public) == 0 {
		return false
	}
	return s.publicPath(current) && (current == original || s.publicPath(original))
}

func (s *Site) publicPath(u *url.URL) bool {
	path := u.EscapedPath()
	return canonical(path) && slices.ContainsFunc(s.config.Public, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return path == pattern || (wild && strings.HasPrefix(path, prefix))
	})
}
