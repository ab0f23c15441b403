package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// exchange is one request to an endpoint of the gateway.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	info Request
	site *Site
	rest string // what follows the endpoint's name, such as a session_id
}

// endpoint serves one URL of the gateway. An error that it returns is answered in the endpoint's form.
type endpoint struct {
	methods []string
	serve   func(exchange) error
	form    answerForm
	changes bool // state: not on early data
	limited bool // in requests of one client
	browser bool // on public_url's host alone
	returns bool // a redirect URL: its query carries a code and state
	proxies bool // for the peers of verify alone
}

// answerForm is the form in which an endpoint answers an error.
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

// endpointTable returns every endpoint below the gateway's path. A star stands for a session_id, or a
// problem's name.
func (g *Gateway) endpointTable() map[string]endpoint {
	app, browser := g.app, g.browser
	return map[string]endpoint{
		"sessions":          {methods: post, serve: app.serveStart, changes: true},
		"sessions/*":        {methods: get, serve: app.serveStatus},
		"sessions/*/cancel": {methods: post, serve: app.serveCancel, changes: true},
		"token":             {methods: post, serve: app.serveToken, form: asOAuth, changes: true, limited: true},
		"revoke":            {methods: post, serve: app.serveRevoke, form: asOAuth, changes: true, limited: true},
		"login":             {methods: getPost, serve: browser.serveLogin, form: asPage, browser: true},
		"logout":            {methods: post, serve: browser.serveLogout, changes: true},
		"userinfo":          {methods: readPost, serve: g.serveUserinfo},
		"health/live":       {methods: get, serve: serveLive},
		"health/ready":      {methods: get, serve: g.serveReady},
		"jwks.json":         {methods: get, serve: g.serveJWKS},
		verifyEndpoint:      {serve: g.serveVerify, proxies: true},
		"openapi.yaml":      {methods: get, serve: g.openAPI.serve},
		"problems/*":        {methods: get, serve: g.serveProblem},
		callbackEndpoint:    {methods: onlyGet, serve: browser.serveCallback, form: asPage, changes: true, browser: true, returns: true},
		appReturnEndpoint:   {methods: get, serve: browser.serveAppReturn, form: asPage, returns: true},
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
	_, ok := new(Gateway).endpointTable()[own]
	prefixes := []string{"sessions/", "problems/", verifyEndpoint + "/"}
	return ok || slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(own, prefix) })
}

// router finds the endpoint of a request.
type router struct {
	path      string              // of the endpoints
	host      string              // of public_url
	endpoints map[string]endpoint // below the path
	hosted    map[string]endpoint // by host and path: redirect URLs and documents at a host's root
	// hostedPaths are the paths of hosted, which spare other requests putting host and path together.
	hostedPaths map[string]bool
}

// newRouter lays out the endpoints once: those below the path, and those whose whole URL counts.
func (g *Gateway) newRouter() *router {
	table := g.endpointTable()
	r := &router{path: g.config.Path, host: g.public.Host, endpoints: table, hosted: make(map[string]endpoint), hostedPaths: make(map[string]bool)}
	r.serveAt(g.config.RedirectURL, table[callbackEndpoint])
	for _, raw := range g.config.AppRedirectURLs {
		r.serveAt(raw, table[appReturnEndpoint])
	}
	delete(table, callbackEndpoint)
	delete(table, appReturnEndpoint)
	for _, origin := range []string{g.config.PublicURL, g.config.Token.Issuer} {
		if u, err := url.Parse(origin); err == nil {
			r.hosted[plainHost(u)+"/.well-known/jwks.json"] = table["jwks.json"]
		}
	}
	maps.Copy(r.hosted, g.config.discoveryDocuments())
	maps.Copy(r.hosted, g.config.appLinkFiles())
	for at := range r.hosted {
		r.hostedPaths[at[strings.IndexByte(at, '/'):]] = true
	}
	return r
}

// serveAt serves an endpoint at a URL of its own.
func (r *router) serveAt(raw string, e endpoint) {
	if u, err := url.Parse(raw); err == nil {
		r.hosted[plainHost(u)+u.EscapedPath()] = e
	}
}

// Entrances returns URLs at which an app, a browser and a verifier must reach the gateway. Others may be
// below the same path.
func (g *Gateway) Entrances() []string {
	return []string{g.config.endpointURL("/token"), g.config.endpointURL("/login"), g.config.RedirectURL, g.config.PublicURL + "/.well-known/jwks.json"}
}

// Hosts are the hosts at whose root the gateway serves documents: discovery and, with app links,
// what phones ask for.
func (g *Gateway) Hosts() []string {
	hosts := []string{g.public.Host}
	if issuer, err := url.Parse(g.config.Token.Issuer); err == nil && plainHost(issuer) != g.public.Host {
		hosts = append(hosts, plainHost(issuer))
	}
	for _, host := range g.config.appLinkHosts() {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// serveOwn answers a request for a URL of the gateway, by the path that the client asked for. Every path
// below the gateway's belongs to it.
func (s *Site) serveOwn(w http.ResponseWriter, r *http.Request, info Request) bool {
	g := s.gateway
	path := info.OriginalURL.EscapedPath()
	e, rest, own := g.router.find(hostOf(r), path)
	if !own {
		return false
	}
	if e.proxies && !g.peers.sent(r) {
		e = nowhere
	}
	if state := identity.StateOf(r.Context()); state != nil {
		r = state.Sent.Restored(r)
		state.Answer.Endpoint = true
	}
	boundBody(w, r)
	x := exchange{w: w, r: r, info: info, site: s, rest: rest}
	err := g.admit(e, x)
	if err == nil {
		err = e.serve(x)
	}
	if err != nil {
		if e.returns && !abandoned(r, err) {
			g.browser.noteReturn(r.Context(), refusedReturn(e, err))
		}
		g.answers.fail(e.form, x, err)
	}
	return true
}

// find returns the endpoint at a path of a host; own is false for a path that is not the gateway's.
func (r *router) find(host, path string) (e endpoint, rest string, own bool) {
	if r.hostedPaths[path] {
		if e, ok := r.hosted[host+path]; ok {
			return e, "", true
		}
	}
	if !within(path, r.path) {
		return endpoint{}, "", false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(path, r.path), "/")
	if e, ok := r.endpoints[name]; ok && (!e.browser || host == r.host) {
		return e, "", true
	}
	if rest, ok := strings.CutPrefix(name, "sessions/"); ok && rest != "" {
		if id, ok := strings.CutSuffix(rest, "/cancel"); ok {
			return r.endpoints["sessions/*/cancel"], id, true
		}
		return r.endpoints["sessions/*"], rest, true
	}
	if rest, ok := strings.CutPrefix(name, "problems/"); ok && rest != "" {
		return r.endpoints["problems/*"], rest, true
	}
	if strings.HasPrefix(name, verifyEndpoint+"/") {
		return r.endpoints[verifyEndpoint], "", true
	}
	return nowhere, "", true
}

// nowhere is the endpoint at every path of the gateway that has no other.
var nowhere = endpoint{methods: getPost, serve: func(exchange) error { return errNotFound }}

// admit refuses a request that its endpoint must not see, before anything of it is read.
func (g *Gateway) admit(e endpoint, x exchange) error {
	if e.proxies {
		return nil // it is asked about another request, and never reads a body
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

// Sensitive reports whether a URL's query may carry a code and state. Such a URL must not be logged.
func (g *Gateway) Sensitive(host string, u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	return g.router.hosted[plainRequestHost(host)+u.EscapedPath()].returns
}
