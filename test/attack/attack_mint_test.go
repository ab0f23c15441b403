package attack_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// mintSites are the upstreams of one gateway. Each site has a token of its own.
const mintSites = `
http://app.example.be:65000 {
	handle /orders/* {
		itsme {
			audience https://orders.example.be
			claims name
			header X-Who sub
		}
		reverse_proxy UPSTREAM
	}
	handle /header/* {
		itsme {
			forward_token X-Token
			audience urn:example:stock
		}
		reverse_proxy UPSTREAM
	}
	handle /off/* {
		itsme /off/private/* {
			public        /off/private/open
			forward_token off
		}
		reverse_proxy UPSTREAM
	}
	handle /chain/* {
		itsme {
			header        X-Who sub
			header        X-Name name
			forward_token X-Token
			audience      https://chain.example.be
		}
		handle /chain/orders/* {
			itsme {
				audience https://orders.example.be
				claims   sub
				public   /chain/orders/open
				cors_preflight
			}
			reverse_proxy UPSTREAM
		}
		handle /chain/off/* {
			itsme {
				forward_token off
				claims        nin
			}
			reverse_proxy UPSTREAM
		}
		reverse_proxy UPSTREAM
	}
	handle /ownchain/* {
		route {
			itsme
			itsme /ownchain/off/* {
				forward_token off
			}
			itsme /ownchain/mine/* {
				audience https://mine.example.be
			}
			reverse_proxy UPSTREAM
		}
	}
	handle {
		itsme {
			require claim name Jan
		}
		reverse_proxy UPSTREAM
	}
}
http://orders.example.be:65000 {
	itsme {
		audience https://orders.example.be
	}
	reverse_proxy UPSTREAM
}`

// known are the attributes of the user of these tests.
var known = map[string]any{"name": "Jan", "nin": map[string]any{"value": "85073003328"}}

// minted sends a request to the app's host. It returns the header that the upstream got, and the claims of the token in
// it. It checks that the client's own credential is not there.
func (e *env) minted(t *testing.T, target, credential string) (http.Header, *token.Claims) {
	t.Helper()
	answer := e.send(head(http.MethodGet, target, appHost, credential) + "\r\n")
	got := e.upstream.Take()
	if answer.Status != http.StatusOK || len(got) != 1 {
		t.Fatalf("%s: %d, the upstream got %q", target, answer.Status, got)
	}
	_, raw, _ := strings.Cut(strings.TrimSpace(credential), "ey")
	if strings.Contains(got[0], "ey"+raw) {
		t.Fatalf("%s: the upstream got the client's credential: %q", target, got[0])
	}
	h := headerOf(t, got[0])
	for _, line := range []string{strings.TrimPrefix(h.Get("Authorization"), "Bearer "), h.Get("X-Token")} {
		if line == "" {
			continue
		}
		claims, err := e.authority.VerifyMinted(line)
		if err != nil {
			t.Fatalf("%s: the upstream got %q: %v", target, line, err)
		}
		return h, claims
	}
	return h, nil
}

func headerOf(t *testing.T, request string) http.Header {
	t.Helper()
	h := make(http.Header)
	for line := range strings.Lines(request) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

// TestUpstreamsTokenIsNoCredential is the upstream of one site that turns on its users. It presents what it received
// to the gateway: at another site, at its own, at /userinfo, to log the user out, and to a proxy's /verify. Before tokens
// were minted, each of these worked.
func TestUpstreamsTokenIsNoCredential(t *testing.T) {
	e := newAppEnv(t, mintSites, "verify 127.0.0.1")
	for name, credential := range map[string]string{"app": e.bearer(known), "browser": e.cookie(known)} {
		for _, from := range []string{"/orders/x", "/header/x", "/"} {
			h, claims := e.minted(t, from, credential)
			raw := strings.TrimPrefix(h.Get("Authorization"), "Bearer ") + h.Get("X-Token")
			for _, use := range []struct{ method, host, target string }{
				{http.MethodGet, appHost, "/"},
				{http.MethodGet, appHost, "/orders/x"},
				{http.MethodGet, "orders.example.be", "/"},
				{http.MethodGet, appHost, "/itsme/userinfo"},
				{http.MethodPost, appHost, "/itsme/logout"},
				{http.MethodGet, appHost, "/itsme/verify"},
			} {
				for scheme, lines := range map[string]string{
					"Bearer": bearerLine(raw), "cookie": "Cookie: " + sessionCookie + "=" + raw + "\r\n",
				} {
					answer := e.send(head(use.method, use.target, use.host, lines, "Origin: "+appURL+"\r\n") + "\r\n")
					// A logout without a valid credential only clears cookies.
					cleared := scheme == "cookie" && strings.HasSuffix(use.target, "/logout") && answer.Status == http.StatusNoContent
					if answer.Status != http.StatusUnauthorized && !cleared {
						t.Errorf("%s, a token from %s as %s at %s: %d %s", name, from, scheme, use.target, answer.Status, answer.Body)
					}
					if got := e.upstream.Take(); len(got) != 0 {
						t.Errorf("%s: it reached %s: %q", name, use.target, got)
					}
				}
			}
			if claims.LoginID == "" || claims.Parent == "" || claims.Login() != claims.LoginID {
				t.Errorf("%s: sid %q, parent %q, jti %q", name, claims.LoginID, claims.Parent, claims.ID)
			}
		}
		e.minted(t, "/orders/x", credential) // the user is still logged in
	}
}

// TestTokenIsForOneUpstream compares what two upstreams of one login get. Neither token is for the other, and a claim
// outside claims is in neither header nor token.
func TestTokenIsForOneUpstream(t *testing.T) {
	e := newAppEnv(t, mintSites)
	for name, credential := range map[string]string{"app": e.bearer(known), "browser": e.cookie(known)} {
		for target, row := range map[string]struct {
			audience string
			claims   []string
			header   []string
		}{
			"/orders/x":          {"https://orders.example.be", []string{"name"}, []string{"Authorization", "X-Itsme-Name", "X-Who"}},
			"/header/x":          {"urn:example:stock", []string{"name", "nin"}, []string{"X-Itsme-Name", "X-Itsme-Nin", "X-Token"}},
			"/":                  {appURL, []string{"name", "nin"}, []string{"Authorization", "X-Itsme-Name", "X-Itsme-Nin"}},
			"/off/private/x":     {"", nil, []string{"X-Itsme-Name", "X-Itsme-Nin"}},
			"/chain/x":           {"https://chain.example.be", []string{"name", "nin"}, []string{"X-Itsme-Name", "X-Itsme-Nin", "X-Name", "X-Token", "X-Who"}},
			"/chain/orders/x":    {"https://orders.example.be", nil, []string{"Authorization"}},
			"/chain/orders/open": {"https://orders.example.be", nil, []string{"Authorization"}},
			"/chain/off/x":       {"", nil, []string{"X-Itsme-Nin"}},
			"/ownchain/x":        {appURL, []string{"name", "nin"}, []string{"Authorization", "X-Itsme-Name", "X-Itsme-Nin"}},
			"/ownchain/off/x":    {"", nil, []string{"X-Itsme-Name", "X-Itsme-Nin"}},
			"/ownchain/mine/x":   {"https://mine.example.be", []string{"name", "nin"}, []string{"Authorization", "X-Itsme-Name", "X-Itsme-Nin"}},
		} {
			h, claims := e.minted(t, target, credential)
			want := append([]string{"X-Itsme-Acr", "X-Itsme-Auth-Time", "X-Itsme-Subject"}, row.header...)
			got := slices.DeleteFunc(slices.Collect(maps.Keys(h)), func(field string) bool {
				return slices.Contains([]string{"Host", "User-Agent", "Accept-Encoding", "Via"}, field) || strings.HasPrefix(field, "X-Forwarded-")
			})
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: the upstream got %q, want %q", name, target, got, want)
			}
			if claims == nil {
				if row.audience != "" {
					t.Errorf("%s, %s: no token", name, target)
				}
				continue
			}
			if !slices.Equal(claims.Audience, []string{row.audience}) {
				t.Errorf("%s, %s: aud is %q, want %q", name, target, claims.Audience, row.audience)
			}
			if sent := slices.Sorted(maps.Keys(claims.Attributes)); !slices.Equal(sent, row.claims) {
				t.Errorf("%s, %s: the token has %q, want %q", name, target, sent, row.claims)
			}
			if claims.Subject != person || claims.ACR != "high" || claims.AuthTime.Unix() != 1_700_000_000 || claims.ClientID != appHost || claims.Issuer != appURL {
				t.Errorf("%s, %s: %+v", name, target, claims)
			}
			if life := claims.ExpiresAt.Sub(claims.IssuedAt); life != token.MaxMintedLifetime {
				t.Errorf("%s, %s: lives %s", name, target, life)
			}
		}
	}
}

// TestLastSiteOfAChainDecides sends requests that need no login at the last site of a chain. The upstream of that site
// must not receive what the site before it sends to its own: another service's token, and claims outside claims.
func TestLastSiteOfAChainDecides(t *testing.T) {
	e := newAppEnv(t, mintSites)
	const preflight = "Origin: https://x.example\r\nAccess-Control-Request-Method: PUT\r\n"
	for _, row := range []struct{ method, target, lines string }{
		{http.MethodGet, "/chain/orders/open", ""},
		{http.MethodOptions, "/chain/orders/x", preflight},
	} {
		answer := e.send(head(row.method, row.target, appHost, e.bearer(known), row.lines) + "\r\n")
		got := strings.Join(e.upstream.Take(), "")
		if answer.Status != http.StatusOK || got == "" {
			t.Fatalf("%s %s: %d, the upstream got %q", row.method, row.target, answer.Status, got)
		}
		for _, field := range []string{"X-Token", "X-Who", "X-Name", "X-Itsme-Name", "X-Itsme-Nin"} {
			if value := headerOf(t, got).Get(field); value != "" {
				t.Errorf("%s %s: the upstream got %s: %s", row.method, row.target, field, value)
			}
		}
		claims, err := e.authority.VerifyMinted(strings.TrimPrefix(headerOf(t, got).Get("Authorization"), "Bearer "))
		if err != nil || !slices.Equal(claims.Audience, []string{"https://orders.example.be"}) {
			t.Errorf("%s %s: the upstream got a token for %v: %v", row.method, row.target, claims, err)
		}
	}
}

// TestClaimsLimitNoRequirement has a site whose upstream gets no name, and whose require reads it.
func TestClaimsLimitNoRequirement(t *testing.T) {
	e := newAppEnv(t, strings.Replace(mintSites, "require claim name Jan", "require claim name Jan\n\t\tclaims sub", 1))
	if h, claims := e.minted(t, "/", e.bearer(known)); h.Get("X-Itsme-Name") != "" || len(claims.Attributes) != 0 {
		t.Errorf("the upstream got %v and %v", h, claims.Attributes)
	}
	if answer := e.ask(http.MethodGet, "/", e.bearer(map[string]any{"name": "Piet"})); answer.Status != http.StatusForbidden {
		t.Errorf("another name: %d", answer.Status)
	}
}

// TestCredentialNeverReachesUpstream sends an app's token on requests that need no login. An upstream that logs
// what it receives could use it everywhere. Another issuer's token belongs to the upstream where it gets none of the
// gateway's.
func TestCredentialNeverReachesUpstream(t *testing.T) {
	e := newAppEnv(t, mintSites)
	raw := strings.TrimSpace(strings.TrimPrefix(e.bearer(known), "Authorization: Bearer "))
	stranger := "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA"
	for _, target := range []string{"/off/x", "/off/private/open"} {
		for _, value := range []string{"Bearer " + raw, "bearer  " + raw, "Token " + raw, raw, "DPoP " + raw, `Bearer "` + raw + `"`, "Basic x, Bearer " + raw} {
			answer := e.ask(http.MethodGet, target, "Authorization: "+value+"\r\n")
			got := strings.Join(e.upstream.Take(), "")
			if answer.Status != http.StatusOK || got == "" || strings.Contains(got, raw) {
				t.Errorf("%q to %s: %d, the upstream got %q", value, target, answer.Status, got)
			}
		}
	}
	e.ask(http.MethodGet, "/off/x", "Authorization: "+stranger+"\r\n")
	if got := strings.Join(e.upstream.Take(), ""); !strings.Contains(got, "\r\nAuthorization: "+stranger+"\r\n") {
		t.Errorf("another issuer's token: the upstream got %q", got)
	}
}
