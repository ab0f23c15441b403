package gateway

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Gateway logs users in and verifies the tokens that it issued. Make one with [New]. It is safe for
// concurrent use.
type Gateway struct {
	config    Config
	store     store.Store
	authority *token.Authority
	log       *slog.Logger
	clock     *signicatClock

	public        *url.URL // public_url
	verifyProxies proxyRanges
	proofHosts    proofHosts // of every site
	proofs        *dpop.Checker
	startProofs   *dpop.Checker // of POST /sessions, which costs an attacker nothing
	logins        *login.Engine
	guard         *identity.Guard
	audiences     siteAudiences
	cookies       identity.Cookies
	pages         *page.Pages
	openAPI       openAPIDocument

	answers *answers
	app     *appAPI
	browser *browserAPI
	router  *router
}

// New makes a gateway from a configuration. It does no I/O. Its error is an [ErrConfig] in one line that
// names the subdirective and the remedy. The caller closes the gateway.
func New(config Config) (*Gateway, error) {
	config = config.WithDefaults()
	config.Instance = cmp.Or(config.Instance, NewInstance())
	if err := config.validate(); err != nil {
		return nil, err
	}
	public, _ := url.Parse(config.PublicURL) // validated
	log := newLog(config)
	clock := &signicatClock{log: log}
	config.Signicat.Now, config.Signicat.Observe = config.Now, config.Observe.Call
	config.Signicat.ObserveClock = clock.note
	config.Signicat.ObserveStatus = (&unknownStatuses{log: log}).note
	client, err := signicat.New(config.Signicat)
	if err != nil {
		return nil, configErrorFrom(err, signicat.ErrConfig, "signicat ")
	}
	authority, err := config.Authority()
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		config:      config,
		store:       login.Traced(config.Store),
		authority:   authority,
		log:         log,
		clock:       clock,
		public:      public,
		proofs:      config.checker(config.Proofs.used),
		startProofs: config.checker(config.Proofs.started),
		proofHosts:  urlHosts(append(slices.Clone(config.Token.Audience), config.PublicURL)...),
		openAPI:     newOpenAPI(config.PublicURL, config.Path),
		cookies:     identity.NewCookies(config.Cookie.Name, public.Scheme == "https"),
		pages:       page.New(page.Config(config.Page), config.PublicURL, config.Path),
	}
	if g.verifyProxies, err = parseProxyRanges(config.Verify); err != nil {
		return nil, err
	}
	g.logins, g.guard = login.New(g.loginConfig(client)), g.newGuard()
	g.serveEndpoints()
	return g, nil
}

// serveEndpoints builds the endpoints and their router.
func (g *Gateway) serveEndpoints() {
	g.answers = &answers{config: g.config, pages: g.pages, log: g.log}
	g.app, g.browser = &appAPI{g}, &browserAPI{g}
	g.router = g.newRouter()
}

// loginConfig returns the configuration of the login engine.
func (g *Gateway) loginConfig(client *signicat.Client) login.Config {
	return login.Config{
		Signicat:        client,
		AccountID:       g.config.Signicat.AccountID,
		Simulated:       strings.HasPrefix(g.config.Signicat.APIURL, "http://"),
		Store:           g.store,
		Authority:       g.authority,
		Keys:            g.config.Keys,
		Attributes:      g.config.Attributes,
		Claims:          g.config.Token.Claims,
		Encrypted:       g.config.Token.Encrypted,
		LoA:             g.config.LoA,
		SessionLifetime: g.config.SessionLifetime,
		AccessLifetime:  g.config.Token.Lifetime,
		CookieLifetime:  g.config.Cookie.Lifetime,
		Refresh:         g.config.Token.Refresh,
		KeyRequired:     g.config.Token.DPoP == DPoPRequired,
		Limits:          login.Limits(g.config.Limit),
		Logger:          g.log,
		Observe:         g.config.Observe.logins(),
		Now:             g.config.Now,
	}
}

// EndLongPolls answers all waiting status requests at once, and all later ones. Call it before a shutdown,
// which would wait for them. Finishes under way go on.
func (g *Gateway) EndLongPolls() { g.logins.EndLongPolls() }

// Close stops the gateway. It waits for finishes and cancels under way, which takes less than [Lease]. It
// does not close the store.
func (g *Gateway) Close() error { return g.logins.Close() }

// Breaker returns the state of the circuit breaker for calls to Signicat: closed, half_open or open.
func (g *Gateway) Breaker() string { return g.logins.Breaker() }

// Issuer returns the iss claim of the gateway's tokens.
func (g *Gateway) Issuer() string { return g.config.Token.Issuer }

// PublicURL returns the origin at which clients reach the gateway.
func (g *Gateway) PublicURL() string { return g.config.PublicURL }

// ReadableClaims returns the sensitive claims that every reader of an app's token sees. It returns none when the
// tokens are encrypted.
func (g *Gateway) ReadableClaims() []string {
	if g.config.Token.Encrypted {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(g.config.Token.Claims), func(claim string) bool { return !attribute.IsSensitive(claim) })
}

// Path returns the prefix of the gateway's endpoints, such as /itsme.
func (g *Gateway) Path() string { return g.config.Path }

// endpointURL returns the URL of an endpoint. The gateway never builds a URL from a request's Host.
func (c Config) endpointURL(path string) string { return c.PublicURL + c.Path + path }

// Authority returns the authority that issues and verifies the tokens of a gateway with this configuration. A
// tool can then judge a token as the gateway does. It does no I/O and checks only the fields that tokens
// depend on. PublicURL is required. Its error is an [ErrConfig].
func (c Config) Authority() (*token.Authority, error) {
	c = c.WithDefaults()
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, configErrorf("public_url: %q is not a URL; write it as https://host", c.PublicURL)
	}
	authority, err := token.NewAuthority(token.Config{
		Issuer:          c.Token.Issuer,
		Audience:        c.Token.Audience,
		ClientID:        public.Host,
		SessionAudience: c.PublicURL + c.Path,
		Lifetime:        c.Token.Lifetime,
		SessionLifetime: c.Cookie.Lifetime,
		Encrypted:       c.Token.Encrypted,
		Now:             c.Now,
	}, c.Keys)
	if err != nil {
		return nil, configErrorFrom(err, token.ErrConfig, "token: ")
	}
	return authority, nil
}

// newGuard returns the guard of requests. It looks for revocations in the store.
func (g *Gateway) newGuard() *identity.Guard {
	return identity.New(identity.Config{
		Authority:   g.authority,
		Keys:        g.config.Keys.KeySet,
		Claims:      append(identity.AlwaysSent(), withEmailVerified(g.config.Token.Claims)...),
		Cookies:     g.cookies,
		Proofs:      g.proofs,
		Now:         g.config.Now,
		KeyRequired: g.config.Token.DPoP == DPoPRequired,
		Revoked: func(ctx context.Context, c store.Credential) (bool, error) {
			revoked, err := g.store.Revoked(ctx, c)
			if err != nil {
				err = fmt.Errorf("%w: %w", login.ErrStore, err)
			}
			return revoked, err
		},
		Observe: func(kind store.Kind, result identity.Result, cached bool) {
			g.config.Observe.Verification(Verification{Kind: kind, Result: VerificationResult(result), Cached: cached})
		},
	})
}

// Log lines hold kinds, phases and reasons from fixed tables, the session_id (a hash), and Signicat's trace
// ID and error code. They never hold a state, code, token, attribute or client secret, or an error text that
// could quote one.

// errorAttr returns the log attribute of an error.
func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

// newLog returns the logger of a gateway.
func newLog(c Config) *slog.Logger {
	log := loglimit.New(c.Logger, login.EndedMessage).With(slog.String("gateway", c.Name))
	if c.Replica != "" {
		log = log.With(slog.String("replica", c.Replica))
	}
	return log
}
