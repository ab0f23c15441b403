package attack_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
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

// TestChallengeNamesTheSitesOwnDocument has two services on two hosts. A client that discovers its authorization
// server there must not be led to the document of another service.
func TestChallengeNamesTheSitesOwnDocument(t *testing.T) {
	e := newAppEnv(t, strings.NewReplacer("handle /orders/*", "handle /api/orders/*", "audience https://orders.example.be\n\t\t\tclaims name", "audience "+appURL+"/api/orders\n\t\t\tclaims name").Replace(mintSites))
	for _, row := range []struct{ host, target, document string }{
		{appHost, "/", appURL + "/.well-known/oauth-protected-resource"},
		{appHost, "/api/orders/x", appURL + "/.well-known/oauth-protected-resource/api/orders"},
		{appHost, "/header/x", ""}, // urn:
		{appHost, "/off/private/x", appURL + "/.well-known/oauth-protected-resource"},
		{"orders.example.be", "/", "https://orders.example.be/.well-known/oauth-protected-resource"},
		{appHost, "/chain/orders/x", ""}, // on another host
	} {
		answer := e.send(head(http.MethodGet, row.target, row.host) + "\r\n")
		challenge := answer.Header.Get("WWW-Authenticate")
		want := "Bearer"
		if row.document != "" {
			want = `Bearer resource_metadata="` + row.document + `"`
		}
		if answer.Status != http.StatusUnauthorized || challenge != want {
			t.Errorf("%s%s: %d %q, want %q", row.host, row.target, answer.Status, challenge, want)
		}
		if row.document == "" {
			continue
		}
		path := row.document[strings.Index(row.document, "/.well-known"):]
		document := e.send(head(http.MethodGet, path, row.host) + "\r\n")
		var metadata struct{ Resource string }
		if err := json.Unmarshal([]byte(document.Body), &metadata); err != nil || document.Status != http.StatusOK || !strings.HasPrefix(metadata.Resource, "https://"+row.host) {
			t.Errorf("%s: %d %s", path, document.Status, document.Body)
		}
	}
}

// TestMintedTokenEndsWithItsParent revokes on the way of a minted token: itself, its parent, the login, the user. A
// kept token is not used after that, and the upstream of a login that goes on gets another one.
func TestMintedTokenEndsWithItsParent(t *testing.T) {
	e := newAppEnv(t, mintSites)
	credential := e.bearer(known)
	h, claims := e.minted(t, "/orders/x", credential)
	again, _ := e.minted(t, "/orders/x", credential)
	if h.Get("Authorization") != again.Get("Authorization") {
		t.Fatal("every request has a token of its own")
	}
	raw := strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
	if answer := e.postForm("/revoke", "token="+raw); answer.Status != http.StatusOK {
		t.Fatal(answer.Status, answer.Body)
	}
	_, next := e.minted(t, "/orders/x", credential)
	if next.ID == claims.ID {
		t.Error("the revoked token is used on")
	}
	parent := strings.TrimSpace(strings.TrimPrefix(credential, "Authorization: Bearer "))
	if answer := e.postForm("/revoke", "token="+parent); answer.Status != http.StatusOK {
		t.Fatal(answer.Status)
	}
	if answer := e.ask(http.MethodGet, "/orders/x", credential); answer.Status != http.StatusUnauthorized {
		t.Errorf("after the parent's revocation: %d", answer.Status)
	}
}

// TestMintedTokenIsIntrospected asks as a service does that verifies by itself (RFC 7662). The answer ends with the
// token's revocation, and with its parent's.
func TestMintedTokenIsIntrospected(t *testing.T) {
	e := newAppEnv(t, mintSites, "verify 127.0.0.1")
	for _, end := range []string{"token", "parent"} {
		credential := e.bearer(known)
		h, claims := e.minted(t, "/orders/x", credential)
		raw := strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
		var got struct {
			Active           bool
			Aud, Sid, Parent string
		}
		answer := e.postForm("/introspect", "token="+raw)
		if err := json.Unmarshal([]byte(answer.Body), &got); err != nil || !got.Active || got.Aud != "https://orders.example.be" || got.Sid != claims.LoginID || got.Parent != claims.Parent || strings.Contains(answer.Body, "Jan") {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
		revoked := raw
		if end == "parent" {
			revoked = strings.TrimSpace(strings.TrimPrefix(credential, "Authorization: Bearer "))
		}
		e.postForm("/revoke", "token="+revoked)
		if answer := e.postForm("/introspect", "token="+raw); answer.Body != `{"active":false}` && strings.TrimSpace(answer.Body) != `{"active":false}` {
			t.Errorf("after the revocation of the %s: %s", end, answer.Body)
		}
	}
}

// TestUpstreamCannotEndLoginByRevoking is an upstream that revokes every token that it receives, to log its user out:
// many revocations of an app's own tokens end a login.
func TestUpstreamCannotEndLoginByRevoking(t *testing.T) {
	e := newAppEnv(t, mintSites)
	credential := e.bearer(known)
	refused := 0
	for range 30 {
		h, _ := e.minted(t, "/orders/x", credential)
		answer := e.postForm("/revoke", "token="+strings.TrimPrefix(h.Get("Authorization"), "Bearer "))
		switch answer.Status {
		case http.StatusOK:
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatal(answer.Status, answer.Body)
		}
	}
	if refused == 0 {
		t.Error("30 revocations fill every replica's list")
	}
	e.minted(t, "/orders/x", credential)
}

// TestResourceOfAnotherServiceIsRefused names a resource at the start and at the end of a login (RFC 8707).
func TestResourceOfAnotherServiceIsRefused(t *testing.T) {
	e := newAppEnv(t, mintSites)
	start := func(resource string) (int, string) {
		answer := e.post("/sessions", "application/json", `{"code_challenge":"`+strings.Repeat("a", 43)+`","resource":`+resource+`}`)
		return answer.Status, answer.Body
	}
	for resource, want := range map[string]int{
		`"` + appURL + `"`:                          http.StatusCreated,
		`"https://orders.example.be"`:               http.StatusCreated,
		`["urn:example:stock","` + appURL + `"]`:    http.StatusCreated,
		`"https://stranger.example.be"`:             http.StatusBadRequest,
		`["` + appURL + `","https://a.example.be"]`: http.StatusBadRequest,
		`"` + appURL + `/itsme"`:                    http.StatusBadRequest, // of cookies
		`"` + appURL + `/"`:                         http.StatusBadRequest,
		`""`:                                        http.StatusBadRequest,
	} {
		status, body := start(resource)
		if status != want || (want == http.StatusBadRequest && !strings.Contains(body, `"code":"invalid_target"`)) {
			t.Errorf("%s at /sessions: %d %s, want %d", resource, status, body, want)
		}
	}
	if status, body := start(`1`); status != http.StatusBadRequest || !strings.Contains(body, "invalid_request") {
		t.Errorf("a number at /sessions: %d %s", status, body)
	}
	const form = "grant_type=authorization_code&code=a&state=b&code_verifier=c"
	for resource, want := range map[string]string{
		"&resource=https%3A%2F%2Forders.example.be&resource=https%3A%2F%2Fapp.example.be":   "invalid_grant",
		"&resource=https%3A%2F%2Forders.example.be&resource=https%3A%2F%2Fother.example.be": "invalid_target",
	} {
		if answer := e.postForm("/token", form+resource); answer.Status != http.StatusBadRequest || !strings.Contains(answer.Body, `"error":"`+want+`"`) {
			t.Errorf("%s at /token: %d %s", resource, answer.Status, answer.Body)
		}
	}
}

// TestLargeTokenIsKept has an app whose token is close to the bound. Without a kept token, each of its requests would
// cost a signature.
func TestLargeTokenIsKept(t *testing.T) {
	e := newAppEnv(t, mintSites)
	credential := e.bearer(map[string]any{"name": strings.Repeat("n", 5000)})
	if len(credential) < 7000 || len(credential) > token.MaxSize {
		t.Fatal(len(credential))
	}
	first, claims := e.minted(t, "/orders/x", credential)
	second, _ := e.minted(t, "/orders/x", credential)
	if first.Get("Authorization") != second.Get("Authorization") || time.Until(claims.ExpiresAt) > token.MaxMintedLifetime {
		t.Error("every request has a token of its own")
	}
}

func (e *env) postForm(path, form string) rawhttptest.Answer {
	e.t.Helper()
	return e.post(path, "application/x-www-form-urlencoded", form)
}
