package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// exchange is one request to an own endpoint.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	info Request
	site *Site
	rest string // what follows the endpoint's name, such as a session_id
}

// endpoint serves one own URL. An error that it returns is answered in the endpoint's form.
type endpoint struct {
	methods []string
	serve   func(*Gateway, exchange) error
	form    answerForm
	changes bool // state: not on early data
	limited bool // in requests of one client
	browser bool // on public_url's host alone
	returns bool // a redirect URL: its query carries a code and state
	proxies bool // for the peers of verify alone
}

// answerForm is how an endpoint tells an error.
type answerForm uint8

const (
	asProblem answerForm = iota
	asOAuth
	asPage
)

var (
	get      = []string{http.MethodGet, http.MethodHead}
	post     = []string{http.MethodPost}
	onlyGet  = []string{http.MethodGet}
	getPost  = []string{http.MethodGet, http.MethodHead, http.MethodPost}
	readPost = []string{http.MethodGet, http.MethodPost}
)

// endpointTable is every own endpoint below the path. A star stands for a session_id, or a
// problem's name.
func endpointTable() map[string]endpoint {
	return map[string]endpoint{
		"sessions":          {methods: post, serve: (*Gateway).serveStart, changes: true},
		"sessions/*":        {methods: get, serve: (*Gateway).serveStatus},
		"sessions/*/cancel": {methods: post, serve: (*Gateway).serveCancel, changes: true},
		"token":             {methods: post, serve: (*Gateway).serveToken, form: asOAuth, changes: true, limited: true},
		"revoke":            {methods: post, serve: (*Gateway).serveRevoke, form: asOAuth, changes: true, limited: true},
		"login":             {methods: getPost, serve: (*Gateway).serveLogin, form: asPage, browser: true},
		"logout":            {methods: post, serve: (*Gateway).serveLogout, changes: true},
		"userinfo":          {methods: readPost, serve: (*Gateway).serveUserinfo},
		"health/live":       {methods: get, serve: (*Gateway).serveLive},
		"health/ready":      {methods: get, serve: (*Gateway).serveReady},
		"jwks.json":         {methods: get, serve: (*Gateway).serveJWKS},
		verifyEndpoint:      {serve: (*Gateway).serveVerify, proxies: true},
		"openapi.yaml":      {methods: get, serve: (*Gateway).serveOpenAPI},
		"problems/*":        {methods: get, serve: (*Gateway).serveProblem},
		callbackEndpoint:    {methods: onlyGet, serve: (*Gateway).serveCallback, form: asPage, changes: true, browser: true, returns: true},
		appReturnEndpoint:   {methods: get, serve: (*Gateway).serveAppReturn, form: asPage, returns: true},
	}
}

const (
	callbackEndpoint  = "callback"
	appReturnEndpoint = "app/callback"
	// verifyEndpoint is where another proxy asks whether to let a request through, with that request's
	// own headers and perhaps its method. What follows it in the path says nothing.
	verifyEndpoint = "verify"
)

// endpointNamed reports whether a path below the own one is an endpoint's.
func endpointNamed(own string) bool {
	_, ok := endpointTable()[own]
	prefixes := []string{"sessions/", "problems/", verifyEndpoint + "/"}
	return ok || slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(own, prefix) })
}

// route lays out the endpoints once: those below the path, and those whose whole URL counts.
func (g *Gateway) route() {
	table := endpointTable()
	g.hosted = make(map[string]endpoint)
	g.host(g.config.RedirectURL, table[callbackEndpoint])
	for _, raw := range g.config.AppRedirectURLs {
		g.host(raw, table[appReturnEndpoint])
	}
	delete(table, callbackEndpoint)
	delete(table, appReturnEndpoint)
	g.endpoints = table
	g.routeDiscovery()
	g.routeAppLinks()
	g.hostedPaths = make(map[string]bool)
	for at := range g.hosted {
		g.hostedPaths[at[strings.IndexByte(at, '/'):]] = true
	}
}

// host serves an endpoint at a URL of its own.
func (g *Gateway) host(raw string, e endpoint) {
	if u, err := url.Parse(raw); err == nil {
		g.hosted[plainHost(u)+u.EscapedPath()] = e
	}
}

// Entrances are URLs at which clients must reach the gateway for it to be of use: an app's, a
// browser's, and a verifier's. Others may be behind the same path.
func (g *Gateway) Entrances() []string {
	return []string{g.own("/token"), g.own("/login"), g.config.RedirectURL, g.config.PublicURL + "/.well-known/jwks.json"}
}

// serveOwn answers a request for one of the gateway's own URLs, by the path that the client
// asked for. Everything below the own path is the gateway's.
func (s *Site) serveOwn(w http.ResponseWriter, r *http.Request, info Request) bool {
	g := s.gateway
	path := info.OriginalURL.EscapedPath()
	e, rest, own := g.find(hostOf(r), path)
	if !own {
		return false
	}
	if e.proxies && !g.mayVerify(r) {
		e = nowhere
	}
	if p := identity.StateOf(r.Context()); p != nil {
		r = p.Sent.Restored(r)
		p.Answer.Endpoint = true
	}
	boundBody(w, r)
	x := exchange{w: w, r: r, info: info, site: s, rest: rest}
	err := g.admit(e, x)
	if err == nil {
		err = e.serve(g, x)
	}
	if err != nil {
		if e.returns && !abandoned(r, err) {
			g.logReturn(r.Context(), failureOf(err).problem, "")
		}
		g.fail(e.form, x, err)
	}
	return true
}

func (g *Gateway) find(host, path string) (e endpoint, rest string, own bool) {
	if g.hostedPaths[path] {
		if e, ok := g.hosted[host+path]; ok {
			return e, "", true
		}
	}
	if !within(path, g.config.Path) {
		return endpoint{}, "", false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(path, g.config.Path), "/")
	if e, ok := g.endpoints[name]; ok && (!e.browser || host == g.public.Host) {
		return e, "", true
	}
	if rest, ok := strings.CutPrefix(name, "sessions/"); ok && rest != "" {
		if id, ok := strings.CutSuffix(rest, "/cancel"); ok {
			return g.endpoints["sessions/*/cancel"], id, true
		}
		return g.endpoints["sessions/*"], rest, true
	}
	if rest, ok := strings.CutPrefix(name, "problems/"); ok && rest != "" {
		return g.endpoints["problems/*"], rest, true
	}
	if strings.HasPrefix(name, verifyEndpoint+"/") {
		return g.endpoints[verifyEndpoint], "", true
	}
	return nowhere, "", true
}

// nowhere is what stands at every own path without an endpoint.
var nowhere = endpoint{methods: getPost, serve: func(*Gateway, exchange) error { return errNotFound }}

// admit refuses what no endpoint should see, before anything is read.
func (g *Gateway) admit(e endpoint, x exchange) error {
	if e.proxies {
		return nil // what it is asked about is another request, whose body it never reads
	}
	if !slices.Contains(e.methods, x.r.Method) {
		x.w.Header().Set("Allow", strings.Join(e.methods, ", "))
		return errMethod
	}
	if (e.changes || x.r.Method == http.MethodPost) && early(x.r) {
		return errTooEarly
	}
	if x.r.ContentLength > maxBody {
		// To keep the connection, the server would first read on for what may never come.
		x.w.Header().Set("Connection", "close")
		return errTooLarge
	}
	if e.limited {
		return g.logins.AllowToken(x.r.Context(), x.info.Client)
	}
	return nil
}

// early reports whether a request may be a replay of TLS early data. More than one field and an
// odd value count as 1 (RFC 8470 section 5.1).
func early(r *http.Request) bool {
	return len(r.Header["Early-Data"]) > 0 || (r.TLS != nil && !r.TLS.HandshakeComplete)
}

// fail answers an error in the endpoint's form.
func (g *Gateway) fail(form answerForm, x exchange, err error) {
	if abandoned(x.r, err) {
		x.w.WriteHeader(statusAbandoned)
		return
	}
	g.observe.Refusal(failureOf(err).problem)
	g.challenge(x.w, x.r, err)
	switch {
	case form == asOAuth:
		g.writeOAuthError(x.w, err)
	case form == asPage && !wantsJSON(x.r):
		g.writeFailurePage(x, page.Page{}, err)
	default:
		g.writeProblem(x.w, err)
	}
}

// wantsJSON reports whether a page's script asks, and not a person.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// Sensitive reports whether a URL is one whose query carries a code and state, so that nobody
// writes it down.
func (g *Gateway) Sensitive(host string, u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	return g.hosted[plainRequestHost(host)+u.EscapedPath()].returns
}
