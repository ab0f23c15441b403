package caddymodule_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// runSite runs a gateway whose signing key the test knows, and a site with these directives.
func runSite(t *testing.T, directives string) site {
	t.Helper()
	key := keystest.PEM(t)
	caddyfile := `{
		itsme {
			public_url http://{{addr}}
			signicat {
				client_id     sandbox-healthy-hat-239
				client_secret "the secret"
				api_url       http://127.0.0.1:1
			}
			attributes name email
			token {
				key ` + keystest.File(t, key) + `
			}
		}
	}
	http://{{addr}} {
		` + directives + `
	}`
	return site{Server: caddytest.Run(t, caddyfile), t: t, key: key}
}

type site struct {
	*caddytest.Server
	t   *testing.T
	key []byte // in PEM
}

// token returns an access token as the gateway issues it.
func (s site) token() string {
	s.t.Helper()
	return accessToken(s.t, s.Server, s.key)
}

func accessToken(t *testing.T, server *caddytest.Server, pem []byte) string {
	t.Helper()
	return boundToken(t, server, pem, "")
}

// boundToken issues an access token that is bound to the key with a thumbprint.
func boundToken(t *testing.T, server *caddytest.Server, pem []byte, thumbprint string) string {
	t.Helper()
	authority, err := token.NewAuthority(token.Config{
		Issuer: server.URL, Audience: []string{server.URL}, ClientID: server.Addr,
		SessionAudience: server.URL + "/itsme", Lifetime: time.Minute, SessionLifetime: time.Hour,
	}, keystest.Parse(t, pem))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := authority.IssueAccess(token.Claims{
		Subject: "pseudonym=", ACR: "high", AuthTime: time.Now(),
		Attributes: map[string]any{"name": "Jan Peeters"}, KeyThumbprint: thumbprint,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// get requests a path with headers, given as name and value in turn, and returns status and body.
func (s site) get(path string, headers ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := s.Client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func (s site) want(status int, body, path string, headers ...string) {
	s.t.Helper()
	gotStatus, gotBody := s.get(path, headers...)
	if gotStatus != status || (status == http.StatusOK && gotBody != body) {
		s.t.Errorf("GET %s: got %d %q, want %d %q", path, gotStatus, gotBody, status, body)
	}
}

const echo = `respond "{http.auth.user.id}|{http.auth.user.name}|{http.auth.user.email}|{http.request.header.X-Itsme-Subject}"`

func TestHandlerProtectsAndNamesTheUser(t *testing.T) {
	s := runSite(t, "itsme\n"+echo)
	s.want(http.StatusUnauthorized, "", "/")
	s.want(http.StatusUnauthorized, "", "/", "Authorization", "Bearer x.y.z")
	s.want(http.StatusOK, "pseudonym=|Jan Peeters||pseudonym=", "/", "Authorization", "Bearer "+s.token())
}

// TestClientCannotSupplyIdentityOutsideTheMatcher has an attacker send an identity header to a path that
// needs no login. The upstream would trust it.
func TestClientCannotSupplyIdentityOutsideTheMatcher(t *testing.T) {
	s := runSite(t, "itsme /private/*\n"+`respond "subject {http.request.header.X-Itsme-Subject}"`)
	s.want(http.StatusOK, "subject ", "/open", "X-Itsme-Subject", "attacker")
	s.want(http.StatusUnauthorized, "", "/private/x", "X-Itsme-Subject", "attacker")
}

// TestMatcherThatFailsProtects has an attacker make the matcher of itsme fail. At a route, Caddy answers a
// matcher's error through handle_errors, which here shows the header that the attacker sent.
func TestMatcherThatFailsProtects(t *testing.T) {
	s := runSite(t, `@many expression int({http.request.header.X-Count}) > 3
		itsme @many
		respond "subject {http.request.header.X-Itsme-Subject}"
		handle_errors {
			respond "subject {http.request.header.X-Itsme-Subject}" 200
		}`)
	s.want(http.StatusOK, "subject ", "/", "X-Count", "1", "X-Itsme-Subject", "attacker")
	s.want(http.StatusUnauthorized, "", "/", "X-Count", "5", "X-Itsme-Subject", "attacker")
	s.want(http.StatusUnauthorized, "", "/", "X-Count", "many", "X-Itsme-Subject", "attacker")
	if !strings.Contains(s.Log(), "a matcher of itsme failed") {
		t.Error("the log does not say that the matcher failed")
	}
}

func TestErrorsOfTheUpstreamPropagate(t *testing.T) {
	s := runSite(t, `itsme {
			public /*
		}
		error /gone 410
		handle_errors {
			respond "status {http.error.status_code}" 200
		}`)
	s.want(http.StatusOK, "status 410", "/gone")
}

// TestUserOfAnEarlierHandlerDoesNotMixIn sets a user before itsme, as basic_auth would.
func TestUserOfAnEarlierHandlerDoesNotMixIn(t *testing.T) {
	s := runSite(t, `vars http.auth.user.id attacker
		itsme {
			optional
		}
		`+echo)
	s.want(http.StatusOK, "attacker|||", "/")
	s.want(http.StatusOK, "pseudonym=|Jan Peeters||pseudonym=", "/", "Authorization", "Bearer "+s.token())
}

func TestNestedHandlersProtect(t *testing.T) {
	s := runSite(t, `handle /api/* {
			itsme
			respond api
		}
		route /app/* {
			itsme /app/private/*
			respond app
		}
		respond open`)
	s.want(http.StatusUnauthorized, "", "/api/x")
	s.want(http.StatusOK, "api", "/api/x", "Authorization", "Bearer "+s.token())
	s.want(http.StatusUnauthorized, "", "/app/private/x")
	s.want(http.StatusOK, "app", "/app/x")
	s.want(http.StatusOK, "open", "/")
}

// TestSecondHandlerAddsItsOwn protects the site once and adds a header for a part of it.
func TestSecondHandlerAddsItsOwn(t *testing.T) {
	s := runSite(t, `itsme
		handle /api/* {
			itsme {
				header X-User-Id sub
			}
			respond "{http.request.header.X-User-Id}|{http.auth.user.id}"
		}
		respond "{http.request.header.X-User-Id}|{http.auth.user.id}"`)
	s.want(http.StatusOK, "pseudonym=|pseudonym=", "/api/x", "Authorization", "Bearer "+s.token(), "X-User-Id", "attacker")
	s.want(http.StatusUnauthorized, "", "/api/x", "X-User-Id", "attacker")
}

func TestAccessLogKnowsThePseudonymAndNoCode(t *testing.T) {
	s := runSite(t, "log\nitsme\nrespond ok")
	s.want(http.StatusOK, "ok", "/", "Authorization", "Bearer "+s.token())
	for _, path := range []string{"/itsme/callback", "/itsme/app/callback"} {
		s.get(path + "?code=k4zcd3v0de&state=k4zst4t3")
	}
	log := s.Log()
	if !strings.Contains(log, `"user_id":"pseudonym="`) {
		t.Error("the access log does not have user_id")
	}
	for _, secret := range []string{"k4zcd3v0de", "k4zst4t3", s.token()[:40], "Jan Peeters"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}

func TestHandlerSeesTheURLBeforeRewrites(t *testing.T) {
	s := runSite(t, `rewrite * /rewritten{uri}
		itsme {
			public /health /rewritten/health
		}
		respond ok`)
	s.want(http.StatusOK, "ok", "/health")
	s.want(http.StatusUnauthorized, "", "/other")
	if status, body := s.get("/itsme/jwks.json"); status != http.StatusOK || !strings.Contains(body, `"keys"`) {
		t.Errorf("the own endpoints are not served by their own path: %d %s", status, body)
	}
}

// TestMatchersReadTheOriginalRequestAndLeaveNoTrace rewrites the request. The matchers of itsme read its body
// and capture a name. The handler behind itsme gets the whole body, and does not see the capture.
func TestMatchersReadTheOriginalRequestAndLeaveNoTrace(t *testing.T) {
	s := runSite(t, `rewrite /private/* /front
		@in {
			path_regexp name ^/private/(.*)$
			expression `+"`{http.request.body} == \"the body\"`"+`
		}
		itsme @in
		respond "{re.name.1}|{http.request.body}|{http.request.uri.path}|{http.request.orig_uri.path}"`)
	post := func(path, body string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if len(headers) > 0 {
			r.Header.Set("Authorization", headers[0])
		}
		answer, err := s.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(got)
	}
	if status, body := post("/private/x", "the body"); status != http.StatusUnauthorized {
		t.Errorf("without a login: %d %s", status, body)
	}
	for body, headers := range map[string][]string{"the body": {"Bearer " + s.token()}, "another body": nil} {
		if status, got := post("/private/x", body, headers...); status != http.StatusOK || got != "{http.regexp.name.1}|"+body+"|/front|/private/x" {
			t.Errorf("%s: %d %q", body, status, got)
		}
	}
}
