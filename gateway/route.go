package gateway

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// exchange is one request to an endpoint of the gateway, with its response.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	info RequestInfo
	site *Site
	// forSite says that the endpoint decides as the site does.
	forSite bool
	rest    string // the variable part of the path, such as a session_id
	// admitted waits until a request of a rate-limited endpoint is counted. After an error the endpoint
	// changes nothing.
	admitted func() error
}

// audiences returns the audiences that a challenge may name: the gateway's, and at verify those of the site, which
// decides in the place of the proxy's.
func (x exchange) audiences() []string {
	if x.forSite {
		return x.site.audiences()
	}
	return x.site.gateway.config.Token.Audience
}

// endpoint serves one URL of the gateway. The router answers its errors in the endpoint's form.
type endpoint struct {
	methods      []string // nil for any, of a request that describes another one
	serve        func(exchange) error
	form         answerForm
	changesState bool // changes state: refused in early data
	rateLimited  bool // bounds the requests of one client
	browserOnly  bool // only on public_url's host
	redirectURL  bool // a redirect URL: its query holds a code and state
	proxyOnly    bool // only for the proxies of verify
}

// answerForm selects the form of an error.
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

// endpointTable returns every endpoint below the gateway's path. A star stands for a session_id or for the
// name of a problem.
func (g *Gateway) endpointTable() map[string]endpoint {
	app, browser := g.app, g.browser
	return map[string]endpoint{
		"sessions":          {methods: post, serve: app.serveStart, changesState: true},
		"sessions/*":        {methods: get, serve: app.serveStatus},
		"sessions/*/cancel": {methods: post, serve: app.serveCancel, changesState: true},
		"token":             {methods: post, serve: app.serveToken, form: asOAuth, changesState: true, rateLimited: true},
		"revoke":            {methods: post, serve: app.serveRevoke, form: asOAuth, changesState: true, rateLimited: true},
		"login":             {methods: getPost, serve: browser.serveLogin, form: asPage, browserOnly: true},
		"logout":            {methods: post, serve: browser.serveLogout, changesState: true},
		"userinfo":          {methods: readPost, serve: g.serveUserinfo},
		"health/live":       {methods: get, serve: serveLive},
		"health/ready":      {methods: get, serve: g.serveReady},
		"jwks.json":         {methods: get, serve: g.serveJWKS},
		verifyEndpoint:      {serve: g.serveVerify, proxyOnly: true},
		"introspect":        {methods: post, serve: g.serveIntrospect, form: asOAuth, proxyOnly: true},
		"openapi.yaml":      {methods: get, serve: g.openAPI.serve},
		"problems/*":        {methods: get, serve: g.serveProblem},
		callbackEndpoint:    {methods: onlyGet, serve: browser.serveCallback, form: asPage, changesState: true, browserOnly: true, redirectURL: true},
		appCallbackEndpoint: {methods: get, serve: browser.serveAppCallback, form: asPage, redirectURL: true},
	}
}

const (
	callbackEndpoint    = "callback"
	appCallbackEndpoint = "app/callback"
	// verifyEndpoint answers another proxy whether to let a request through. The proxy sends that request's
	// headers and perhaps its method. The rest of the path has no meaning.
	verifyEndpoint = "verify"
)

// endpointNamed reports whether a path below the prefix belongs to an endpoint.
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
	// strayCallback and strayAppCallback answer URLs that are almost a redirect URL.
	strayCallback, strayAppCallback endpoint
	// hostedPaths holds the paths of hosted. Most requests have none of them, and the router then skips the
	// look-up by host and path.
	hostedPaths map[string]bool
	audiences   *siteAudiences
}

// newRouter returns the router of all endpoints: those below the path, and those at a whole URL.
func (g *Gateway) newRouter() *router {
	table := g.endpointTable()
	r := &router{path: g.config.Path, host: g.public.Host, endpoints: table, hosted: make(map[string]endpoint), hostedPaths: make(map[string]bool), audiences: &g.audiences}
	r.serveAt(g.config.RedirectURL, table[callbackEndpoint])
	for _, raw := range g.config.AppRedirectURLs {
		r.serveAt(raw, table[appCallbackEndpoint])
	}
	r.strayCallback = endpoint{methods: get, serve: g.browser.serveStray, form: asPage, browserOnly: true, redirectURL: true}
	r.strayAppCallback = endpoint{methods: get, serve: g.browser.serveStrayApp, form: asPage, redirectURL: true}
	delete(table, callbackEndpoint)
	delete(table, appCallbackEndpoint)
	for _, origin := range []string{g.config.PublicURL, g.config.Token.Issuer} {
		if u, err := url.Parse(origin); err == nil {
			r.hosted[originHost(u)+"/.well-known/jwks.json"] = table["jwks.json"]
		}
	}
	maps.Copy(r.hosted, g.config.discoveryDocuments())
	maps.Copy(r.hosted, g.config.appLinkFiles())
	for at := range r.hosted {
		r.hostedPaths[at[strings.IndexByte(at, '/'):]] = true
	}
	return r
}

// serveAt adds an endpoint at a whole URL.
func (r *router) serveAt(raw string, e endpoint) {
	if u, err := url.Parse(raw); err == nil {
		r.hosted[originHost(u)+u.EscapedPath()] = e
	}
}

// serveEndpoint answers a request to a URL of the gateway, and reports whether it did. It routes by the URL that
// the client requested. Every path below the gateway's prefix belongs to the gateway.
func (s *Site) serveEndpoint(w http.ResponseWriter, r *http.Request, info RequestInfo) bool {
	g := s.gateway
	path := info.OriginalURL.EscapedPath()
	e, rest, own := g.router.find(hostOf(r), path)
	if !own {
		return false
	}
	if e.proxyOnly && !g.verifyProxies.contain(r) {
		e = notFound
	}
	if state := identity.StateOf(r.Context()); state != nil {
		r = state.Sent.Restore(r)
		state.Answer.Endpoint = true
	}
	boundBody(w, r)
	x := exchange{w: w, r: r, info: info, site: s, forSite: e.proxyOnly, rest: rest}
	err := g.admit(e, x)
	if err == nil {
		err = g.serve(e, x)
	}
	if err != nil {
		if e.redirectURL && !abandoned(r, err) {
			g.browser.reportReturn(r.Context(), refusedReturn(e, err))
		}
		g.answers.fail(e.form, x, err)
	}
	return true
}

// find returns the endpoint for a host and path. own is false for a path that does not belong to the gateway.
func (r *router) find(host, path string) (e endpoint, rest string, own bool) {
	if r.hostedPaths[path] {
		if e, ok := r.hosted[host+path]; ok {
			return e, "", true
		}
	}
	if strings.HasPrefix(path, resourceDocuments) {
		if e, ok := r.audiences.document(host + path); ok {
			return e, "", true
		}
	}
	if !within(path, r.path) {
		return endpoint{}, "", false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(path, r.path), "/")
	if e, ok := r.endpoints[name]; ok && (!e.browserOnly || host == r.host) {
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
	if e, ok := r.stray(host, name); ok {
		return e, "", true
	}
	return notFound, "", true
}

// stray returns the endpoint for a URL that was meant to be a redirect URL: with junk behind it, in other case,
// or with a trailing slash. It shows a page and finishes nothing.
func (r *router) stray(host, name string) (endpoint, bool) {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, callbackEndpoint) && host == r.host:
		return r.strayCallback, true
	case strings.HasPrefix(name, appCallbackEndpoint):
		return r.strayAppCallback, true
	}
	return endpoint{}, false
}

// notFound answers every path of the gateway without an endpoint.
var notFound = endpoint{methods: getPost, serve: func(exchange) error { return errNotFound }}

// admit refuses a request that its endpoint must not see, before the gateway reads its body.
func (g *Gateway) admit(e endpoint, x exchange) error {
	if e.methods == nil {
		return nil // the request describes another one, and its body is never read
	}
	if !slices.Contains(e.methods, x.r.Method) {
		x.w.Header().Set("Allow", strings.Join(e.methods, ", "))
		return errMethod
	}
	if (e.changesState || x.r.Method == http.MethodPost) && early(x.r) {
		return errTooEarly
	}
	if x.r.ContentLength > maxBody {
		// Close the connection: to keep it, the server would first wait for the whole body.
		x.w.Header().Set("Connection", "close")
		return errTooLarge
	}
	return nil
}

// serve serves an endpoint. It counts a request of a rate-limited one while the endpoint reads, so that both ask
// the store in one round trip. A refused request gets no other answer.
func (g *Gateway) serve(e endpoint, x exchange) error {
	if !e.rateLimited {
		return e.serve(x)
	}
	counted := make(chan struct{})
	var refused error
	go func() {
		defer close(counted)
		refused = g.logins.AllowToken(x.r.Context(), x.info.Client)
	}()
	x.admitted = func() error {
		<-counted
		return refused
	}
	err := e.serve(x)
	return cmp.Or(x.admitted(), err)
}

// early reports whether a request may be a replay of TLS early data. Several Early-Data fields, or any value,
// count like 1 (RFC 8470 section 5.1).
func early(r *http.Request) bool {
	return len(r.Header["Early-Data"]) > 0 || (r.TLS != nil && !r.TLS.HandshakeComplete)
}

// Sensitive reports whether a URL's query may hold a code and state. Such a URL must not be logged.
func (g *Gateway) Sensitive(host string, u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	e, _, own := g.router.find(canonicalHost(host), u.EscapedPath())
	return own && e.redirectURL
}
