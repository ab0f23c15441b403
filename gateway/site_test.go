package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
	"github.com/google/go-cmp/cmp"
)

// TestOptionalSiteAtTheEndOfALogin has a browser whose session token expired within the allowed skew. The
// token still verifies, but no access token can be made from it. A site with an optional login treats it as
// none, as it does a minute later.
func TestOptionalSiteAtTheEndOfALogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	site, err := e.NewSite(gateway.SiteConfig{Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	r, claims := e.cookie(t)
	for _, past := range []time.Duration{time.Second, time.Hour} {
		e.clock.advance(claims.ExpiresAt.Add(past).Sub(e.clock.now()))
		w, passed := httptest.NewRecorder(), false
		sent := r.Clone(t.Context())
		err := site.Serve(w, sent, gateway.RequestInfo{}, func(_ http.ResponseWriter, r *http.Request) error {
			passed = true
			if identity, ok := gateway.IdentityFrom(r.Context()); ok {
				t.Errorf("%s past its end it is a request of %s", past, identity.Subject)
			}
			for _, name := range []string{"X-Itsme-Subject", "X-Itsme-Name", "Authorization"} {
				if value, ok := r.Header[name]; ok {
					t.Errorf("%s past its end the upstream gets %s: %q", past, name, value)
				}
			}
			return nil
		})
		if err != nil || !passed {
			t.Errorf("%s past its end: %d, %v", past, w.Code, err)
		}
	}
}

// TestSitesCompose nests sites: of one gateway, and of two gateways whose cookies share a name. The cookie of
// the inner site reaches the browser once, through the outer site, which protects the answer too.
func TestSitesCompose(t *testing.T) {
	t.Parallel()
	sibling := newEnv(t)
	for name, open := range map[string]func(*env) *gateway.Site{
		"one gateway":  func(e *env) *gateway.Site { return e.site },
		"two gateways": func(*env) *gateway.Site { return sibling.site },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, sent := dueForRenewal(t)
			outer := open(e)
			// between the two stands a handler that makes the answer public again.
			serve := func(r *http.Request, next gateway.Next) http.Header {
				w := httptest.NewRecorder()
				check(t, outer.Serve(w, r, gateway.RequestInfo{Unmatched: true}, func(w http.ResponseWriter, r *http.Request) error {
					return e.site.Serve(overwriting{w}, r, gateway.RequestInfo{}, next)
				}))
				return w.Result().Header
			}
			h := serve(sent.Clone(t.Context()), func(w http.ResponseWriter, _ *http.Request) error {
				answer(w, fields("Set-Cookie", "__Host-itsme=evil", "Set-Cookie", "theme=dark"), 200)
				return nil
			})
			cookies := h["Set-Cookie"]
			if len(cookies) != 2 || cookies[0] != "theme=dark" || !strings.HasPrefix(cookies[1], "__Host-itsme=ey") || h.Get("Cache-Control") != "private" {
				t.Errorf("a renewed cookie: %v", h)
			}
			if h := serve(request("Cookie", "__Host-itsme=garbage"), handedOn); len(h["Set-Cookie"]) != 1 || h.Get("Cache-Control") != "private, no-store" {
				t.Errorf("a cookie that is cleared: %v", h)
			}
		})
	}
}

// overwriting makes every 200 cacheable, as a deferred header operation does.
type overwriting struct{ http.ResponseWriter }

func (o overwriting) WriteHeader(status int) {
	if status == http.StatusOK {
		o.Header().Set("Cache-Control", "public")
	}
	o.ResponseWriter.WriteHeader(status)
}

// TestOwnEndpointsOfAnotherGatewayKeepTheirCookies requests the login page of the inner of two gateways whose
// cookies share a name.
func TestOwnEndpointsOfAnotherGatewayKeepTheirCookies(t *testing.T) {
	t.Parallel()
	outer, inner := newEnv(t), newEnv(t, func(c *gateway.Config) { c.Path = "/login" })
	r := httptest.NewRequest(http.MethodPost, envURL+"/login/logout", nil)
	r.Header = http.Header{"Cookie": {"__Host-itsme=garbage"}, "Sec-Fetch-Site": {"same-origin"}}
	w := httptest.NewRecorder()
	check(t, outer.site.Serve(w, r, gateway.RequestInfo{Unmatched: true}, func(w http.ResponseWriter, r *http.Request) error {
		return inner.site.Serve(w, r, gateway.RequestInfo{}, handedOn)
	}))
	if cookies := w.Result().Header["Set-Cookie"]; w.Code != http.StatusNoContent || len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-itsme=;") {
		t.Errorf("%d %v", w.Code, w.Result().Header)
	}
}

// TestAuthenticateChallengesAsASiteDoes refuses a request by [gateway.Gateway.Authenticate] and by a site. A client
// learns from both in the same words whether its token is to blame. It discards a token that is.
func TestAuthenticateChallengesAsASiteDoes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	bearer, _ := e.bearer(t)
	challenge := func(e *env, r *http.Request) []string {
		h := make(http.Header)
		identity, err := e.Authenticate(r, gateway.RequestInfo{})
		if identity != nil {
			t.Errorf("%s is accepted", r.Header)
		}
		e.Challenge(h, r, err)
		return h["Www-Authenticate"]
	}
	for name, authorization := range map[string]string{
		"none": "", "a made-up token": "Bearer a.b.c", "a token without its proof": "DPoP a.b.c",
		"a token without a key": strings.Replace(bearer.Header.Get("Authorization"), "Bearer", "DPoP", 1),
	} {
		r := request("Authorization", authorization)
		r.Header["Dpop"] = []string{"proof"}
		r.Host = "other.example.be" // it has no document of a resource
		if diff := cmp.Diff(e.answerOf(r.Clone(t.Context())).Result().Header["Www-Authenticate"], challenge(e, r)); diff != "" {
			t.Errorf("%s (-site +Authenticate):\n%s", name, diff)
		}
	}
	starting := newEnv(t, func(c *gateway.Config) { c.Keys = new(token.Keys) })
	r := request("Authorization", "DPoP a.b.c")
	r.Header["Dpop"] = []string{"proof"}
	if got := challenge(starting, r); len(got) != 1 || strings.Contains(got[0], "error") {
		t.Errorf("without keys, the token is to blame: %q", got)
	}
}
