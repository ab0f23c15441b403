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

// endings are what ends a login, or does not, while the gateway keeps it.
var endings = []struct {
	name string
	do   func(t *testing.T, f *fort, c token.Claims)
	want int
}{
	{"nothing", func(*testing.T, *fort, token.Claims) {}, 200},
	{"the last seconds of the token", func(_ *testing.T, f *fort, c token.Claims) {
		f.clock.advance(c.ExpiresAt.Add(-2 * time.Second).Sub(f.clock.now()))
	}, 200},
	{"the end of the token", func(_ *testing.T, f *fort, c token.Claims) {
		f.clock.advance(c.ExpiresAt.Add(token.Skew).Sub(f.clock.now()))
	}, 401},
	{"a clock from before the token", func(_ *testing.T, f *fort, c token.Claims) {
		f.clock.advance(c.IssuedAt.Add(-token.Skew - time.Second).Sub(f.clock.now()))
	}, 401},
	{"its revocation", func(t *testing.T, f *fort, c token.Claims) { check(t, f.RevokeToken(t.Context(), c.ID)) }, 401},
	{"that of another token", func(t *testing.T, f *fort, _ token.Claims) { check(t, f.RevokeToken(t.Context(), "another")) }, 200},
	{"that of the person", func(t *testing.T, f *fort, c token.Claims) {
		_, err := f.RevokeSubject(t.Context(), c.Subject)
		check(t, err)
	}, 401},
	{"a store that is away", func(t *testing.T, f *fort, _ token.Claims) { check(t, f.store.Close()) }, 503},
	{"a rotation that keeps its key", func(t *testing.T, f *fort, _ token.Claims) {
		f.hold(t, newKey(t), f.keys.KeySet().Current())
	}, 200},
	{"a rotation that takes its key away", func(t *testing.T, f *fort, _ token.Claims) { f.hold(t, newKey(t)) }, 401},
	{"keys that are away", func(_ *testing.T, f *fort, _ token.Claims) { f.keys.Set(nil) }, 503},
	{"a reload", func(t *testing.T, f *fort, _ token.Claims) { f.rebuild(t) }, 200},
	{"another issuer", func(t *testing.T, f *fort, _ token.Claims) {
		f.rebuild(t, func(c *gateway.Config) { c.Token.Issuer = "https://login.example.be" })
	}, 401},
	{"another host and audience", func(t *testing.T, f *fort, _ token.Claims) {
		f.rebuild(t, func(c *gateway.Config) { c.PublicURL = "https://other.example.be" })
	}, 401},
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeptLoginIsAsGoodAsItsToken presents a token again after something happened to it, or not. The
// gateway, which kept its login, lets in whoever it would let in if it had not.
func TestKeptLoginIsAsGoodAsItsToken(t *testing.T) {
	t.Parallel()
	for kind, sign := range map[string]func(*fort, testing.TB) (*http.Request, token.Claims){
		"bearer": (*fort).bearer, "cookie": (*fort).cookie,
	} {
		for _, row := range endings {
			t.Run(kind+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				f := openFort(t)
				r, claims := sign(f, t)
				if got, _ := f.pass(r); got != http.StatusOK || f.Cached() != 1 {
					t.Fatalf("a good token: %d, and %d logins are kept", got, f.Cached())
				}
				row.do(t, f, claims)
				if got, _ := f.pass(r); got != row.want {
					t.Errorf("got %d, want %d", got, row.want)
				}
			})
		}
	}
}

// TestLogoutEndsKeptLogin logs out on one replica, and asks another one that kept the login.
func TestLogoutEndsKeptLogin(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	r, _ := f.cookie(t)
	if got, _ := f.pass(r); got != http.StatusOK {
		t.Fatal(got)
	}
	replica := *f
	replica.rebuild(t)
	logout := r.Clone(t.Context())
	logout.Method, logout.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
	logout.Header.Set("Origin", fortURL)
	if got, _ := replica.pass(logout); got != http.StatusNoContent {
		t.Fatal(got)
	}
	if got, _ := f.pass(r); got != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", got)
	}
}

// TestFloodKeepsNothing is an attacker without a login who wants the gateway to forget those of
// others, so that each of their requests costs a signature check again.
func TestFloodKeepsNothing(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	good, _ := f.bearer(t)
	revoked, claims := f.bearer(t)
	check(t, f.RevokeToken(t.Context(), claims.ID))
	if got, _ := f.pass(good); got != http.StatusOK {
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
			if got, _ := f.pass(r); got != http.StatusUnauthorized {
				t.Fatalf("%s: %d", name, got)
			}
		}
	}
	if n := f.Cached(); n != 1 {
		t.Errorf("%d logins are kept, want the good one", n)
	}
}

// illSigned is a token with one letter of its signature changed.
func illSigned(raw string, fromEnd int) string {
	at := len(raw) - 2 - fromEnd
	other := "A"
	if raw[at:at+1] == other {
		other = "B"
	}
	return raw[:at] + other + raw[at+1:]
}

// TestUpstreamCannotWriteIntoKeptLogin is a site whose later handlers write into the headers that
// they get and append to them, as request_header does: no other header, and no other request, sees
// any of it.
func TestUpstreamCannotWriteIntoKeptLogin(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	for name, sign := range map[string]func(*fort, testing.TB) (*http.Request, token.Claims){
		"bearer": (*fort).bearer, "cookie": (*fort).cookie,
	} {
		r, _ := sign(f, t)
		_, first := f.pass(r)
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
		_, second := f.pass(r)
		if diff := cmp.Diff(want, second); diff != "" {
			t.Errorf("%s: the next request (-want +got):\n%s", name, diff)
		}
	}
}

// TestMintedTokenIsMadeAnewInTime uses a cookie for longer than an access token lasts. The upstream always gets one with
// time left.
func TestMintedTokenIsMadeAnewInTime(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	r, _ := f.cookie(t)
	for range 30 {
		status, upstream := f.pass(r)
		claims, err := f.authority.VerifyAccess(strings.TrimPrefix(upstream.Get("Authorization"), "Bearer "))
		if status != http.StatusOK || err != nil || claims.ExpiresAt.Sub(f.clock.now()) < time.Minute {
			t.Fatalf("%d, %v: the upstream got %+v at %v", status, err, claims, f.clock.now())
		}
		f.clock.advance(time.Minute)
	}
}

// TestMintedTokenGoesWithItsKey takes the key away that signed the access token of a browser. The
// browser's own token is by another one, so that its login goes on.
func TestMintedTokenGoesWithItsKey(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	r, _ := f.cookie(t)
	first := f.keys.KeySet().Current()
	f.hold(t, newKey(t), first)
	_, before := f.pass(r)
	_, again := f.pass(r)
	if before.Get("Authorization") != again.Get("Authorization") {
		t.Error("every request has an access token of its own")
	}
	f.hold(t, newKey(t), first)
	status, after := f.pass(r)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if _, err := f.authority.VerifyAccess(strings.TrimPrefix(after.Get("Authorization"), "Bearer ")); err != nil {
		t.Errorf("the upstream got a token that it cannot verify: %v", err)
	}
}
