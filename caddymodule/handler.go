package caddymodule

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/request"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
)

func init() { caddy.RegisterModule(Handler{}) }

// Handler protects a site with a gateway. It belongs in front of everything that answers, for every request
// of the site: it strips the headers that carry identity, serves the gateway's endpoints, and passes what
// Match matches on with a valid login only.
type Handler struct {
	// Use is the name of the gateway. Default "default".
	Use string `json:"use,omitempty"`

	// MatchRaw says which requests need a login; the others are stripped and go on. It stands
	// here and not at the route because the handler must see every request. A request needs a
	// login when it matches as it is now, or as the client sent it: with the path, the query and
	// the method from before every rewrite. A matcher that fails counts as matching. Default all.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Public are paths that need no login: exact, or a prefix that ends with /*. They count in
	// their canonical form only, as clients ask for them: inside handle_path /app/* write
	// /app/assets/*. A path that was rewritten in another way must be listed too. Default none.
	Public []string `json:"public,omitempty"`

	// Optional lets requests without a credential through, without identity headers. A bad
	// credential is refused all the same, and so is a login that is not enough for require. Default
	// false.
	Optional bool `json:"optional,omitempty"`

	// CORSPreflight lets a browser's CORS preflights through, without identity and without
	// credentials, which they never have. A preflight has no body, no Upgrade and no header that
	// overrides the method. Default false: they need a login like everything else.
	CORSPreflight bool `json:"cors_preflight,omitempty"`

	// Mode is how a request without a login is answered: auto sends a browser's navigation to
	// the login page and refuses the rest with 401, api refuses all, browser sends every GET and
	// HEAD to the login page. Default auto.
	Mode string `json:"mode,omitempty"`

	// Require is what a login must be to get through. Default: valid is enough.
	Require Require `json:"require,omitzero"`

	// Header are upstream headers beside the X-Itsme ones. Default none.
	Header []ExtraHeader `json:"header,omitempty"`

	// ForwardToken is how the access token reaches the upstream: authorization, off, or the name
	// of a header. Default authorization.
	ForwardToken string `json:"forward_token,omitempty"`

	gateway *gateway.Gateway
	site    *gateway.Site
	match   caddyhttp.MatcherSets
	log     *slog.Logger
}

// ExtraHeader is one more upstream header, filled from a claim. Clients can never supply it.
type ExtraHeader struct {
	// Name of the header, such as X-User-Id. Required.
	Name string `json:"name"`

	// Claim is sub, acr, auth_time or another claim of the access token. Required.
	Claim string `json:"claim"`
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.itsme", New: func() caddy.Module { return new(Handler) }}
}

// Provision implements caddy.Provisioner.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.log = loglimit.New(ctx.Slogger())
	place := coverage.PlaceOf(ctx)
	return place.Wrap(h.provision(ctx, place))
}

func (h *Handler) provision(ctx caddy.Context, place coverage.Place) (err error) {
	if h.gateway, err = gatewayNamed(ctx, h.Use); err != nil {
		return err
	}
	if h.site, err = h.gateway.NewSite(h.siteConfig()); err != nil {
		return err
	}
	if public := h.gateway.PublicURL(); h.Mode == string(gateway.ModeBrowser) && !place.AnswersFor(public) {
		return fmt.Errorf("mode browser: browsers log in on the host of public_url alone, %s; answer for that host, or write mode auto or mode api", public)
	}
	matchers, err := ctx.LoadModule(h, "MatchRaw")
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return h.match.FromInterface(matchers)
}

func (h *Handler) siteConfig() gateway.SiteConfig {
	config := gateway.SiteConfig{
		Public:        h.Public,
		Optional:      h.Optional,
		CORSPreflight: h.CORSPreflight,
		Mode:          gateway.Mode(h.Mode),
		Require:       h.Require.config(),
		ForwardToken:  h.ForwardToken,
	}
	for _, header := range h.Header {
		config.Headers = append(config.Headers, gateway.ExtraHeader(header))
	}
	return config
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. What the gateway answers is written here and
// returned as no error, so that no error route changes it; errors of next are returned as they
// are.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	facts := gateway.Request{OriginalURL: r.URL, Client: request.ClientIP(r.Context())}
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		facts.OriginalURL = original.URL
	}
	if h.gateway.Sensitive(r.Host, facts.OriginalURL) {
		// The access log copied the request before any handler ran: only leaving the entry out
		// keeps the code in its query out of the log.
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	}
	facts.Unmatched = !h.matches(r)
	return h.site.Serve(w, r, facts, func(w http.ResponseWriter, r *http.Request) error {
		request.SetUser(r.Context())
		return next.ServeHTTP(w, r)
	})
}

// matches reports whether the request needs a login: as it is now, or as the client sent it. A
// rewrite in front of the handler would otherwise hide a private path from the matcher.
func (h *Handler) matches(r *http.Request) bool {
	if h.matchesAny(r) {
		return true
	}
	sent, rewritten := request.Original(r)
	if !rewritten {
		return false
	}
	defer func() { r.Body = sent.Body }() // {http.request.body} reads it and puts a copy in its place
	return h.matchesAny(sent)
}

// matchesAny asks the matchers. An error of theirs is not returned: that would hand the request,
// unstripped, to the site's error routes.
func (h *Handler) matchesAny(r *http.Request) bool {
	matched, err := h.match.AnyMatchWithError(r)
	if err != nil {
		h.log.Error("a matcher of itsme failed; the request is taken to need a login", slog.Any("error", err))
		return true
	}
	return matched
}

// coverageHandler is a [coverage.Recognize].
func coverageHandler(handler caddyhttp.MiddlewareHandler) (coverage.Handler, bool) {
	h, ok := handler.(*Handler)
	if !ok {
		return coverage.Handler{}, false
	}
	return coverage.Handler{Gateway: h.gateway, Match: h.match, Public: h.Public}, true
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
