package attack_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

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
		`"` + appURL + `"`:                       http.StatusCreated,
		`"https://orders.example.be"`:            http.StatusCreated,
		`["urn:example:stock","` + appURL + `"]`: http.StatusCreated,
		`null`:                                   http.StatusCreated,
		`[]`:                                     http.StatusCreated,
		`"https://stranger.example.be"`:          http.StatusBadRequest,
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
		"&resource=": "invalid_grant",
		"&resource=&resource=https%3A%2F%2Fa.example.be": "invalid_target",
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
