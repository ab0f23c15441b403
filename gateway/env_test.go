package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// env is a gateway with a site. It holds the signing keys, so tests need no login.
type env struct {
	*gateway.Gateway
	site      *gateway.Site
	authority *token.Authority
	store     *store.Memory
	keys      *token.Keys
	clock     *clock
}

const envURL = "https://app.example.be"

// newEnv starts a gateway with the defaults. Each change edits its configuration.
func newEnv(t testing.TB, change ...func(*gateway.Config)) *env {
	t.Helper()
	e := &env{keys: keystest.New(t, token.DefaultAlgorithm), clock: new(clock)}
	e.store = store.NewMemory(e.clock.now)
	t.Cleanup(func() { _ = e.store.Close() })
	e.rebuild(t, change...)
	e.authority = e.authorityAt(t, e.clock.now)
	return e
}

// authorityAt returns an authority with another clock.
func (e *env) authorityAt(t testing.TB, now func() time.Time) *token.Authority {
	t.Helper()
	authority, err := token.NewAuthority(token.Config{
		Issuer: envURL, Audience: []string{envURL}, ClientID: "app.example.be",
		SessionAudience: envURL + gateway.DefaultPath,
		Lifetime:        gateway.DefaultTokenLifetime, SessionLifetime: gateway.DefaultCookieLifetime, Now: now,
	}, e.keys)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// rebuild replaces the gateway, as a reload does.
func (e *env) rebuild(t testing.TB, change ...func(*gateway.Config)) {
	t.Helper()
	config := gateway.Config{
		PublicURL:  envURL,
		Signicat:   signicat.Config{ClientID: "id", ClientSecret: "secret"},
		Attributes: []string{"name"},
		Store:      e.store,
		Keys:       e.keys,
		Now:        e.clock.now,
	}
	for _, c := range change {
		c(&config)
	}
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "X-User-Id", Claim: "sub"}}})
	if err != nil {
		t.Fatal(err)
	}
	e.Gateway, e.site = g, site
}

// envSubject is the subject of all tokens.
const envSubject = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4"

func (e *env) claims() token.Claims {
	return token.Claims{
		Subject: envSubject, AuthTime: e.clock.now(), ACR: "substantial",
		Attributes: map[string]any{"name": "Jan Peeters"},
	}
}

// bearer returns a request with an access token of the gateway, and its claims.
func (e *env) bearer(t testing.TB) (*http.Request, token.Claims) {
	t.Helper()
	raw, claims, err := e.authority.IssueAccess(e.claims())
	if err != nil {
		t.Fatal(err)
	}
	return request("Authorization", "Bearer "+raw), claims
}

// cookie returns a request of a browser that is logged in, and the claims of its token.
func (e *env) cookie(t testing.TB) (*http.Request, token.Claims) {
	t.Helper()
	raw, claims, err := e.authority.IssueSession(e.claims())
	if err != nil {
		t.Fatal(err)
	}
	return request("Cookie", "theme=dark; __Host-itsme="+raw), claims
}

func request(name, value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, envURL+"/api/things?page=2", nil)
	r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"app/1.0"}, name: {value}}
	return r
}

// pass sends a request. It returns the status and the headers that an upstream would get.
func (e *env) pass(sent *http.Request) (status int, upstream http.Header) {
	w := httptest.NewRecorder()
	r := sent.Clone(sent.Context())
	_ = e.site.Serve(w, r, gateway.RequestInfo{}, func(_ http.ResponseWriter, r *http.Request) error {
		upstream = r.Header
		return nil
	})
	return w.Code, upstream
}

// hold puts keys in force.
func (e *env) hold(t testing.TB, current *token.Key, others ...*token.Key) {
	t.Helper()
	keys, err := token.NewKeySet(current, others...)
	if err != nil {
		t.Fatal(err)
	}
	e.keys.Set(keys)
}

func newKey(t testing.TB) *token.Key {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clock is the wall clock, moved by a test.
type clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // when set, only the test moves the clock
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = time.Now().Truncate(time.Second)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
