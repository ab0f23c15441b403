package signicattest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const tokenPath = "/auth/open/connect/token"

var formType = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

func basic(id, secret string) http.Header {
	h := formType.Clone()
	h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	return h
}

func TestAccessTokenRefusals(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{ClientID: "client", ClientSecret: "se:cr%t"})
	const credentials = "&client_id=client&client_secret=se%3Acr%25t"
	const grant = "grant_type=client_credentials&scope=signicat-api"
	for name, test := range map[string]struct {
		body, wantError string
		header          http.Header
		wantStatus      int
	}{
		"post":                       {grant + credentials, "", formType, 200},
		"basic":                      {grant, "", basic("client", url.QueryEscape("se:cr%t")), 200},
		"basic and its client id":    {grant + "&client_id=client", "", basic("client", url.QueryEscape("se:cr%t")), 200},
		"basic, not form-encoded":    {grant, "invalid_request", basic("client", "se:cr%t"), 400},
		"basic and another client":   {grant + "&client_id=other", "invalid_request", basic("client", url.QueryEscape("se:cr%t")), 400},
		"basic and post":             {grant + credentials, "invalid_request", basic("client", url.QueryEscape("se:cr%t")), 400},
		"wrong secret":               {grant + "&client_id=client&client_secret=x", "invalid_client", formType, 400},
		"wrong client":               {grant + "&client_id=x&client_secret=se%3Acr%25t", "invalid_client", formType, 400},
		"no credentials":             {grant, "invalid_client", formType, 400},
		"JSON":                       {`{"grant_type":"client_credentials"}`, "invalid_request", http.Header{"Content-Type": {"application/json"}}, 400},
		"no content type":            {grant + credentials, "invalid_request", http.Header{"Content-Type": nil}, 400},
		"form with parameters":       {grant + credentials, "", http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, 200},
		"malformed form":             {grant + credentials + "&%", "invalid_request", formType, 400},
		"no grant type":              {"scope=signicat-api" + credentials, "unsupported_grant_type", formType, 400},
		"another grant type":         {"grant_type=password&scope=signicat-api" + credentials, "unsupported_grant_type", formType, 400},
		"grant type twice":           {grant + "&grant_type=client_credentials" + credentials, "invalid_request", formType, 400},
		"no scope":                   {"grant_type=client_credentials" + credentials, "invalid_scope", formType, 400},
		"another scope":              {"grant_type=client_credentials&scope=openid" + credentials, "invalid_scope", formType, 400},
		"unknown parameter":          {grant + credentials + "&audience=x", "invalid_request", formType, 400},
		"credentials not base64":     {grant, "invalid_client", http.Header{"Content-Type": formType["Content-Type"], "Authorization": {"Basic *"}}, 400},
		"an unknown query":           {grant + credentials, "", formType, 400},
		"a body over the bound":      {grant + credentials + "&x=" + strings.Repeat("x", 70_000), "", formType, 413},
		"an empty body":              {"", "invalid_client", http.Header{"Content-Type": formType["Content-Type"], "Authorization": nil}, 400},
		"secret of a different case": {grant + "&client_id=client&client_secret=SE%3Acr%25t", "invalid_client", formType, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := test.header.Clone()
			if header.Get("Authorization") == "" {
				header["Authorization"] = nil
			}
			path := tokenPath
			if strings.Contains(name, "query") {
				path += "?x=1"
			}
			r := c.on(t).do(http.MethodPost, path, test.body, header).want(test.wantStatus)
			if got := r.text("error"); got != test.wantError {
				t.Errorf("error %q, want %q: %s", got, test.wantError, r.body)
			}
			if test.wantError != "" && !strings.HasSuffix(r.text("error_uri"), "/config/errors/"+test.wantError) {
				t.Errorf("error_uri: %s", r.body)
			}
		})
	}
}

func TestAccessTokenIsAJWT(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	parts := strings.Split(c.token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var header, claims map[string]any
	for i, to := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, to) != nil {
			t.Fatalf("part %d: %s: %v", i, b, err)
		}
	}
	if header["typ"] != "at+jwt" || header["kid"] == "" {
		t.Errorf("header %v", header)
	}
	now := float64(clock.now().Unix())
	jti, _ := claims["jti"].(string)
	if len(jti) != 32 || jti != strings.ToUpper(jti) {
		t.Errorf("jti %q", jti)
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": "https://api.signicat.com/auth/open", "aud": "https://api.signicat.com",
		"client_id": signicattest.DefaultClientID, "account_id": signicattest.DefaultAccountID,
		"nbf": now, "iat": now, "exp": now + 600, "sandbox": true, "scope": []any{"signicat-api"},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
}

func TestAccessTokenAnswer(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{AccessTokenLifetime: 90 * time.Second})
	r := c.form(url.Values{
		"grant_type": {"client_credentials"}, "scope": {"signicat-api"},
		"client_id": {signicattest.DefaultClientID}, "client_secret": {signicattest.DefaultClientSecret},
	}).want(http.StatusOK)
	if r.text("token_type") != "Bearer" || r.member("expires_in") != 90.0 || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", r.header, r.body)
	}
}

func TestAccessTokenEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*client, *clock){
		"after its lifetime": func(_ *client, k *clock) { k.advance(600 * time.Second) },
		"by revocation":      func(c *client, _ *clock) { c.sim.RevokeAccessTokens() },
		"by a reset":         func(c *client, _ *clock) { c.sim.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			c := start(t, signicattest.Config{Now: clock.now})
			clock.advance(599 * time.Second)
			l := c.login(sessionBody)
			clock.advance(-599 * time.Second)
			end(c, clock)
			if r := l.read().want(http.StatusUnauthorized); r.text("code") != "invalid_token" {
				t.Error(r.body)
			}
		})
	}
}

// TestEveryOperationNeedsAnAccessToken also shows that a refused call did nothing.
func TestEveryOperationNeedsAnAccessToken(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	code := l.approve("adult")
	good := c.token
	for name, token := range map[string]string{"none": "", "unknown": "x.y.z", "altered": good + "x"} {
		c.token = token
		for _, r := range []reply{
			c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil), l.read(), l.cancel(), l.validate(code),
		} {
			if r.status != http.StatusUnauthorized || r.text("code") != "invalid_token" || len(r.text("traceId")) != 32 {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	c.token = good
	r := c.do(http.MethodGet, "/auth/rest/sessions/"+l.id, "", http.Header{"Authorization": {"Basic " + good}})
	r.want(http.StatusUnauthorized)
	l.validate(code).want(http.StatusOK)
}

func TestTenant(t *testing.T) {
	t.Parallel()
	account := signicattest.DefaultAccountID
	organization := http.Header{"Signicat-Organizationid": {"o-1"}}
	for name, test := range map[string]struct {
		organization, query string
		header              http.Header
		wantStatus          int
		wantCode            string
	}{
		"account, unnamed":                    {"", "", nil, 200, ""},
		"account, named":                      {"", "?signicat-accountId=" + account, nil, 200, ""},
		"account, wrong":                      {"", "?signicat-accountId=a-spge-other", nil, 403, "invalid_account_id"},
		"account, wrong case":                 {"", "?signicat-accountId=" + strings.ToUpper(account), nil, 403, "invalid_account_id"},
		"account, empty":                      {"", "?signicat-accountId=", nil, 403, "invalid_account_id"},
		"account, twice":                      {"", "?signicat-accountId=" + account + "&signicat-accountId=" + account, nil, 400, "invalid_request_parameter"},
		"account, wrong in the header":        {"", "", http.Header{"Signicat-Accountid": {"a-spge-other"}}, 403, "invalid_account_id"},
		"account, organisation named":         {"", "", organization, 403, "invalid_organization_id"},
		"account, organisation in the query":  {"", "?signicat-organizationId=o-1", nil, 403, "invalid_organization_id"},
		"organisation, all named":             {"o-1", "?signicat-organizationId=o-1&signicat-accountId=" + account, organization, 200, ""},
		"organisation without the account":    {"o-1", "?signicat-organizationId=o-1", organization, 403, "invalid_account_id"},
		"organisation without the header":     {"o-1", "?signicat-organizationId=o-1&signicat-accountId=" + account, nil, 403, "invalid_organization_id"},
		"organisation without its query":      {"o-1", "?signicat-accountId=" + account, organization, 403, "invalid_organization_id"},
		"organisation, another in the header": {"o-1", "?signicat-organizationId=o-1&signicat-accountId=" + account, http.Header{"Signicat-Organizationid": {"o-2"}}, 403, "invalid_organization_id"},
		"an unknown query":                    {"", "?accountId=" + account, nil, 400, "invalid_request_parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, signicattest.Config{OrganizationID: test.organization})
			r := c.do(http.MethodPost, "/auth/rest/sessions"+test.query, sessionBody, test.header).want(test.wantStatus)
			if got := r.text("code"); got != test.wantCode {
				t.Errorf("code %q, want %q: %s", got, test.wantCode, r.body)
			}
		})
	}
}
