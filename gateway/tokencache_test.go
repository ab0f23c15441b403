package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// endings are changes that end a cached login, or do not.
var endings = []struct {
	name string
	do   func(t *testing.T, e *env, c token.Claims)
	want int
}{
	{"nothing", func(*testing.T, *env, token.Claims) {}, 200},
	{"the last seconds of the token", func(_ *testing.T, e *env, c token.Claims) {
		e.clock.advance(c.ExpiresAt.Add(-2 * time.Second).Sub(e.clock.now()))
	}, 200},
	{"the end of the token", func(_ *testing.T, e *env, c token.Claims) {
		e.clock.advance(c.ExpiresAt.Add(token.Skew).Sub(e.clock.now()))
	}, 401},
	{"a clock from before the token", func(_ *testing.T, e *env, c token.Claims) {
		e.clock.advance(c.IssuedAt.Add(-token.Skew - time.Second).Sub(e.clock.now()))
	}, 401},
	{"its revocation", func(t *testing.T, e *env, c token.Claims) { check(t, e.RevokeToken(t.Context(), c.ID)) }, 401},
	{"that of another token", func(t *testing.T, e *env, _ token.Claims) { check(t, e.RevokeToken(t.Context(), "another")) }, 200},
	{"that of the user", func(t *testing.T, e *env, c token.Claims) {
		_, err := e.RevokeSubject(t.Context(), c.Subject)
		check(t, err)
	}, 401},
	{"an unavailable store", func(t *testing.T, e *env, _ token.Claims) { check(t, e.store.Close()) }, 503},
	{"a rotation that keeps its key", func(t *testing.T, e *env, _ token.Claims) {
		e.hold(t, newKey(t), e.keys.KeySet().Current())
	}, 200},
	{"a rotation that removes its key", func(t *testing.T, e *env, _ token.Claims) { e.hold(t, newKey(t)) }, 401},
	{"no keys", func(_ *testing.T, e *env, _ token.Claims) { e.keys.Set(nil) }, 503},
	{"a reload", func(t *testing.T, e *env, _ token.Claims) { e.rebuild(t) }, 200},
	{"another issuer", func(t *testing.T, e *env, _ token.Claims) {
		e.rebuild(t, func(c *gateway.Config) { c.Token.Issuer = "https://login.example.be" })
	}, 401},
	{"another host and audience", func(t *testing.T, e *env, _ token.Claims) {
		e.rebuild(t, func(c *gateway.Config) { c.PublicURL = "https://other.example.be" })
	}, 401},
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCachedLoginIsAsValidAsItsToken sends a token again after a change. The cached login must be accepted
// exactly when the token itself would be.
func TestCachedLoginIsAsValidAsItsToken(t *testing.T) {
	t.Parallel()
	for kind, sign := range map[string]func(*env, testing.TB) (*http.Request, token.Claims){
		"bearer": (*env).bearer, "cookie": (*env).cookie,
	} {
		for _, row := range endings {
			t.Run(kind+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				r, claims := sign(e, t)
				if got, _ := e.pass(r); got != http.StatusOK || e.Cached() != 1 {
					t.Fatalf("a valid token: %d, and %d logins are cached", got, e.Cached())
				}
				row.do(t, e, claims)
				if got, _ := e.pass(r); got != row.want {
					t.Errorf("got %d, want %d", got, row.want)
				}
			})
		}
	}
}

// TestLogoutEndsCachedLogin logs out on one replica and asks another one that cached the login.
func TestLogoutEndsCachedLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r, _ := e.cookie(t)
	if got, _ := e.pass(r); got != http.StatusOK {
		t.Fatal(got)
	}
	replica := *e
	replica.rebuild(t)
	logout := r.Clone(t.Context())
	logout.Method, logout.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
	logout.Header.Set("Origin", envURL)
	if got, _ := replica.pass(logout); got != http.StatusNoContent {
		t.Fatal(got)
	}
	if got, _ := e.pass(r); got != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", got)
	}
}

// TestFloodCachesNothing is an attacker without a login who wants to evict the logins of others, so that each
// of their requests costs a signature check again.
func TestFloodCachesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	good, _ := e.bearer(t)
	revoked, claims := e.bearer(t)
	check(t, e.RevokeToken(t.Context(), claims.ID))
	if got, _ := e.pass(good); got != http.StatusOK {
		t.Fatal(got)
	}
	raw := good.Header.Get("Authorization")
	for i := range 300 {
		for name, r := range map[string]*http.Request{
			"garbage":    request("Authorization", "Bearer "+strings.Repeat("e", i)),
			"ill-signed": request("Authorization", illSigned(raw, i%80)),
			"revoked":    revoked,
			"no cookie":  request("Cookie", "__Host-itsme="+raw[len("Bearer "):]),
		} {
			if got, _ := e.pass(r); got != http.StatusUnauthorized {
				t.Fatalf("%s: %d", name, got)
			}
		}
	}
	if n := e.Cached(); n != 1 {
		t.Errorf("%d logins are cached, want the valid one", n)
	}
}

// illSigned returns a token with one letter of its signature changed.
func illSigned(raw string, fromEnd int) string {
	at := len(raw) - 2 - fromEnd
	other := "A"
	if raw[at:at+1] == other {
		other = "B"
	}
	return raw[:at] + other + raw[at+1:]
}

// TestUpstreamCannotChangeCachedLogin has a site whose later handlers change headers and append to them, as
// request_header does. No other header and no other request sees the changes.
func TestUpstreamCannotChangeCachedLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, sign := range map[string]func(*env, testing.TB) (*http.Request, token.Claims){
		"bearer": (*env).bearer, "cookie": (*env).cookie,
	} {
		r, _ := sign(e, t)
		_, first := e.pass(r)
		want := first.Clone()
		if len(want["X-User-Id"]) != 1 || len(want["X-Itsme-Name"]) != 1 || len(want["Authorization"]) != 1 {
			t.Fatalf("%s: the upstream got %v", name, want)
		}
		for header, values := range first {
			if values[0] != want[header][0] {
				t.Errorf("%s: %s is %q after others were written", name, header, values[0])
			}
			first.Add(header, "added")
			values[0] = "written"
		}
		_, second := e.pass(r)
		if diff := cmp.Diff(want, second); diff != "" {
			t.Errorf("%s: the next request (-want +got):\n%s", name, diff)
		}
	}
}

// TestUpstreamTokenIsReplacedInTime uses a cookie for longer than an access token lasts. The upstream always
// gets a token with time left.
func TestUpstreamTokenIsReplacedInTime(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r, _ := e.cookie(t)
	for range 30 {
		status, upstream := e.pass(r)
		claims, err := e.authority.VerifyMinted(strings.TrimPrefix(upstream.Get("Authorization"), "Bearer "))
		if status != http.StatusOK || err != nil || claims.ExpiresAt.Sub(e.clock.now()) < time.Minute {
			t.Fatalf("%d, %v: the upstream got %+v at %v", status, err, claims, e.clock.now())
		}
		e.clock.advance(time.Minute)
	}
}

// TestUpstreamTokenEndsWithItsKey removes the key that signed the access token of a browser. The session
// token has another key, so its login continues.
func TestUpstreamTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r, _ := e.cookie(t)
	first := e.keys.KeySet().Current()
	e.hold(t, newKey(t), first)
	_, before := e.pass(r)
	_, again := e.pass(r)
	if before.Get("Authorization") != again.Get("Authorization") {
		t.Error("every request has an access token of its own")
	}
	e.hold(t, newKey(t), first)
	status, after := e.pass(r)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if _, err := e.authority.VerifyMinted(strings.TrimPrefix(after.Get("Authorization"), "Bearer ")); err != nil {
		t.Errorf("the upstream got a token that it cannot verify: %v", err)
	}
}
