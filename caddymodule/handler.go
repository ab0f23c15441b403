package caddymodule

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/request"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
)

func init() { caddy.RegisterModule(Handler{}) }

// Handler protects a site with a gateway. Put it in front of every handler that answers, for every request
// of the site. It strips identity headers of the client and serves the gateway's endpoints. Requests that
// Match selects go on with a valid login only.
type Handler struct {
	// Use selects the gateway by name. Default default.
	Use string `json:"use,omitempty"`

	// MatchRaw selects the requests that need a login. Other requests go on without identity headers. The
	// matcher is here and not at the route because the handler must see every request. A request needs a
	// login if it matches now, or if it matches as the client sent it: with the path, the query and the
	// method from before every rewrite. A matcher that fails counts as matching. See
	// docs/sites.md#with-a-matcher. Default: all requests.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Public are paths that need no login: exact, such as /health, or a prefix that ends with /*, such as
	// /assets/*. They are compared with the path that the client sent: inside handle_path /app/* write
	// /app/assets/*. A path in a form that is not canonical, such as /a/../b, needs a login. A path that
	// another directive rewrites must be listed as rewritten too. That is not needed where a directive strips
	// only a prefix and a segment of the listed path is left, here assets. Default: none.
	Public []string `json:"public,omitempty"`

	// Optional lets requests without a credential through, without identity headers. A bad credential is
	// still refused, and so is a login that does not meet require. Default: off.
	Optional bool `json:"optional,omitempty"`

	// CORSPreflight lets a browser's CORS preflight requests through. They carry no credentials, and reach
	// the upstream without identity. A preflight has no body, no Upgrade and no header that overrides the
	// method. Without it a preflight needs a login. Default: off.
	CORSPreflight bool `json:"cors_preflight,omitempty"`

	// Mode selects the answer to a request without a login. auto sends a browser's navigation to the login
	// page and refuses other requests with 401. api refuses all requests with 401. browser sends every GET
	// and HEAD to the login page. Browsers log in on the host of public_url alone: on another host auto means
	// api, and browser is an error. Default auto.
	Mode string `json:"mode,omitempty"`

	// Require are further conditions for a login. Default: none.
	Require Require `json:"require,omitzero"`

	// Header are upstream headers in addition to the X-Itsme headers. Default: none.
	Header []ExtraHeader `json:"header,omitempty"`

	// ForwardToken selects how the upstream gets the site's token. authorization sends it as Authorization:
	// Bearer, off does not send it, and the name of a header sends it there. The gateway mints the token for
	// the site; it lives at most 5m. The client's own credential never reaches an upstream. Default
	// authorization.
	ForwardToken string `json:"forward_token,omitempty"`

	// Audience is the claim aud of the site's token: an absolute URI without a fragment, such as
	// https://orders.example.be. Other services then refuse the token. It must not be the audience of any
	// gateway's own tokens or cookies. Default: that of the gateway's tokens.
	Audience string `json:"audience,omitempty"`

	// Claims limits what the upstream receives, in headers and in the token: some of the login's claims. sub,
	// acr and auth_time are always sent. It does not limit what require reads. Default: all of the login's.
	Claims []string `json:"claims,omitempty"`

	gateway *gateway.Gateway
	site    *gateway.Site
	match   caddyhttp.MatcherSets
	log     *slog.Logger
}

// ExtraHeader is an upstream header with the value of a claim. The client's own header of that name is
// removed.
type ExtraHeader struct {
	// Name of the header, such as X-User-Id. Required.
	Name string `json:"name"`

	// Claim is sub, acr, auth_time, jti, iss, client_id, idp, or an attribute claim. With claims, an attribute
	// claim is one of those. Required.
	Claim string `json:"claim"`
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.itsme", New: func() caddy.Module { return new(Handler) }}
}

// Provision implements caddy.Provisioner.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.log = loglimit.New(ctx.Slogger())
	return provisionSite(ctx, func(app *App, place coverage.Place) error { return h.provision(ctx, app, place) })
}

func (h *Handler) provision(ctx caddy.Context, app *App, place coverage.Place) error {
	i, err := app.instance(h.Use)
	if err != nil {
		return fmt.Errorf("use: %w", err)
	}
	h.gateway, h.log = i.gateway, h.log.With(slog.String("site", place.String()))
	config := h.siteConfig()
	config.Hosts = h.proofHosts(place)
	if h.site, err = h.gateway.NewSite(config); err != nil {
		return err
	}
	if err := app.claimAudience(h.Audience); err != nil {
		return err
	}
	if public := h.gateway.PublicURL(); h.Mode == string(gateway.ModeBrowser) && !place.AnswersFor(public) {
		return fmt.Errorf("mode browser: browsers can log in only on the host of public_url (%s); let this site answer for that host, or use mode auto or mode api", public)
	}
	matchers, err := ctx.LoadModule(h, "MatchRaw")
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return h.match.FromInterface(matchers)
}

// proofHosts returns the hosts that are written out in the site's addresses. It logs when there are none.
func (h *Handler) proofHosts(place coverage.Place) []string {
	hosts := place.Hosts()
	if len(hosts) == 0 && place.Known() {
		h.log.Info("no host is written out in the addresses of a site; DPoP proofs count there for the hosts of public_url and of http(s) audiences only")
	}
	return hosts
}

func (h *Handler) siteConfig() gateway.SiteConfig {
	config := gateway.SiteConfig{
		Public:        h.Public,
		Optional:      h.Optional,
		CORSPreflight: h.CORSPreflight,
		Mode:          gateway.Mode(h.Mode),
		Require:       h.Require.config(),
		ForwardToken:  h.ForwardToken,
		Audience:      h.Audience,
		Claims:        h.Claims,
	}
	for _, header := range h.Header {
		config.Headers = append(config.Headers, gateway.ExtraHeader(header))
	}
	return config
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. It writes the gateway's answers and returns nil for
// them, so that no error route changes them. Errors of next are returned unchanged.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	info := request.Info(r)
	if h.gateway.Sensitive(r.Host, info.OriginalURL) {
		// The query holds a code. Caddy copied the request for the access log before any handler ran: the
		// whole entry must be left out.
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	}
	info.Unmatched = !h.matches(r)
	err := h.site.Serve(w, r, info, func(w http.ResponseWriter, r *http.Request) error {
		request.SetUser(r.Context())
		return next.ServeHTTP(w, r)
	})
	if w.Header().Get(attribute.Header("sub")) != "" {
		// An answer of /verify, which no upstream can send. The access log would hold the user and the minted token.
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	}
	return err
}

// matches reports whether the request needs a login, as it is now or as the client sent it. Otherwise a
// rewrite in front of the handler would hide a private path from the matcher.
func (h *Handler) matches(r *http.Request) bool {
	if h.matchesAny(r) {
		return true
	}
	sent, rewritten := request.Original(r)
	if !rewritten {
		return false
	}
	defer func() { r.Body = sent.Body }() // {http.request.body} reads the body and replaces it by a copy
	return h.matchesAny(sent)
}

// matchesAny reports whether a matcher matches. It logs an error and reports true. If the error were returned,
// Caddy would send the request to the site's error routes with the client's own identity headers.
func (h *Handler) matchesAny(r *http.Request) bool {
	matched, err := h.match.AnyMatchWithError(r)
	if err != nil {
		h.log.Error("a matcher of itsme failed; the request needs a login", slog.Any("error", err))
		return true
	}
	return matched
}

// coverageHandler recognises the itsme handler for package coverage.
func coverageHandler(handler caddyhttp.MiddlewareHandler) (coverage.Handler, bool) {
	h, ok := handler.(*Handler)
	if !ok {
		return coverage.Handler{}, false
	}
	return coverage.Handler{
		Gateway: h.gateway, Site: h.site, Match: h.match, Public: h.Public, Audience: strings.Join(h.site.TokenAudience(), " "),
	}, true
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
