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

// fort is a gateway with a site, and whoever can sign for it: no login needs to be played.
type fort struct {
	*gateway.Gateway
	site      *gateway.Site
	authority *token.Authority
	store     *store.Memory
	keys      *token.Keys
	clock     *clock
}

const fortURL = "https://app.example.be"

// openFort opens one with the defaults, but for what change does to them.
func openFort(t testing.TB, change ...func(*gateway.Config)) *fort {
	t.Helper()
	f := &fort{keys: keystest.New(t, token.DefaultAlgorithm), clock: new(clock)}
	f.store = store.NewMemory(f.clock.now)
	t.Cleanup(func() { _ = f.store.Close() })
	f.rebuild(t, change...)
	f.authority = f.authorityAt(t, f.clock.now)
	return f
}

// authorityAt signs by another clock.
func (f *fort) authorityAt(t testing.TB, now func() time.Time) *token.Authority {
	t.Helper()
	authority, err := token.NewAuthority(token.Config{
		Issuer: fortURL, Audience: []string{fortURL}, ClientID: "app.example.be",
		SessionAudience: fortURL + gateway.DefaultPath,
		Lifetime:        gateway.DefaultTokenLifetime, SessionLifetime: gateway.DefaultCookieLifetime, Now: now,
	}, f.keys)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// rebuild puts another gateway in the place of the one before, as a reload does.
func (f *fort) rebuild(t testing.TB, change ...func(*gateway.Config)) {
	t.Helper()
	config := gateway.Config{
		PublicURL:  fortURL,
		Signicat:   signicat.Config{ClientID: "id", ClientSecret: "secret"},
		Attributes: []string{"name"},
		Store:      f.store,
		Keys:       f.keys,
		Now:        f.clock.now,
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
	f.Gateway, f.site = g, site
}

// fortSubject is who its tokens are of.
const fortSubject = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4"

func (f *fort) claims() token.Claims {
	return token.Claims{
		Subject: fortSubject, AuthTime: f.clock.now(), ACR: "substantial",
		Attributes: map[string]any{"name": "Jan Peeters"},
	}
}

// bearer is a request with an access token that the gateway might have issued, and its claims.
func (f *fort) bearer(t testing.TB) (*http.Request, token.Claims) {
	t.Helper()
	raw, claims, err := f.authority.IssueAccess(f.claims())
	if err != nil {
		t.Fatal(err)
	}
	return request("Authorization", "Bearer "+raw), claims
}

// cookie is one of a browser that is logged in.
func (f *fort) cookie(t testing.TB) (*http.Request, token.Claims) {
	t.Helper()
	raw, claims, err := f.authority.IssueSession(f.claims())
	if err != nil {
		t.Fatal(err)
	}
	return request("Cookie", "theme=dark; __Host-itsme="+raw), claims
}

func request(name, value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, fortURL+"/api/things?page=2", nil)
	r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"app/1.0"}, name: {value}}
	return r
}

// pass sends a request, and returns the status and what an upstream behind the site would get.
func (f *fort) pass(sent *http.Request) (status int, upstream http.Header) {
	w := httptest.NewRecorder()
	r := sent.Clone(sent.Context())
	_ = f.site.Serve(w, r, gateway.Request{}, func(_ http.ResponseWriter, r *http.Request) error {
		upstream = r.Header
		return nil
	})
	return w.Code, upstream
}

// hold puts keys in force.
func (f *fort) hold(t testing.TB, current *token.Key, others ...*token.Key) {
	t.Helper()
	keys, err := token.NewKeySet(current, others...)
	if err != nil {
		t.Fatal(err)
	}
	f.keys.Set(keys)
}

func newKey(t testing.TB) *token.Key {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clock is the wall clock, moved on by a test.
type clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // then it moves only when the test does
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
