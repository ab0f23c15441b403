package signicattest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// manager speaks to the management API of a simulator.
func manager(t *testing.T, c *client) func(method, path, body string, header http.Header) reply {
	t.Helper()
	server := httptest.NewServer(c.sim.Management())
	t.Cleanup(server.Close)
	return func(method, path, body string, header http.Header) reply {
		t.Helper()
		if header == nil {
			header = http.Header{}
		}
		header["Authorization"] = nil
		return c.do(method, server.URL+path, body, header)
	}
}

func TestManagementOfALogin(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{Seed: 7})
	manage := manager(t, c)
	l := c.login(sessionBody)
	r := manage(http.MethodPost, "/sessions/"+l.id+"/approve", `{"persona":"bis"}`, nil).want(http.StatusOK)
	code, _, _ := strings.Cut(strings.TrimPrefix(r.text("redirect_url"), signicattest.DefaultRedirectURL+"?code="), "&")
	l.validate(code).want(http.StatusOK)
	if r := manage(http.MethodGet, "/sessions/"+l.id, "", nil).want(http.StatusOK); r.text("status") != "SUCCESS" || r.text("persona") != "bis" {
		t.Error(r.body)
	}
	refused := c.login(sessionBody)
	if r := manage(http.MethodPost, "/sessions/"+refused.id+"/refuse", "", nil).want(http.StatusOK); !strings.Contains(r.text("redirect_url"), "?error=access_denied&") {
		t.Error(r.body)
	}
	refused = c.login(sessionBody)
	if r := manage(http.MethodPost, "/sessions/"+refused.id+"/refuse", `{"error":"login_required"}`, nil).want(http.StatusOK); !strings.Contains(r.text("redirect_url"), "?error=login_required&") {
		t.Error(r.body)
	}
	if r := manage(http.MethodGet, "/", "", nil).want(http.StatusOK); r.text("url") != c.sim.URL || r.member("seed") != 7.0 || r.text("account_id") != signicattest.DefaultAccountID {
		t.Error(r.body)
	}
	for path, want := range map[string]string{
		"/personas": `"key":"bis"`, "/sessions": l.id, "/calls": `"operation":"validate_code"`,
		"/counts": `"create_session":3`, "/switches": `"form":"raw"`,
	} {
		if r := manage(http.MethodGet, path, "", nil).want(http.StatusOK); !strings.Contains(r.body, want) {
			t.Errorf("%s: %s", path, r.body)
		}
	}
}

func TestManagementEndsAndChanges(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	manage := manager(t, c)
	for path, want := range map[string]string{"abort": "ABORT", "cancel": "CANCELLED", "expire": "EXPIRED", "invalidate": "INVALID", "fail": "ERROR"} {
		l := c.login(sessionBody)
		manage(http.MethodPost, "/sessions/"+l.id+"/"+path, "", nil).want(http.StatusNoContent)
		if got := l.read().text("status"); got != want {
			t.Errorf("%s: %s", path, got)
		}
		manage(http.MethodPost, "/sessions/"+l.id+"/"+path, "", nil).want(http.StatusConflict)
	}
	l := c.login(sessionBody)
	manage(http.MethodPost, "/sessions/"+l.id+"/override", `{"session":{"status":"STARTED"}}`, nil).want(http.StatusNoContent)
	if got := l.read().text("status"); got != "STARTED" {
		t.Errorf("override: %s", got)
	}
	manage(http.MethodPost, "/overrides/create", `{"idpData":{"transactionId":null}}`, nil).want(http.StatusNoContent)
	if got := c.login(sessionBody).tx; got != "" {
		t.Errorf("override of create: %s", got)
	}
	manage(http.MethodPost, "/overrides/success", `{"subject":{"id":null}}`, nil).want(http.StatusNoContent)
	l = c.login(sessionBody)
	l.validate(l.approve("adult")).want(http.StatusOK)
	if got := l.read().text("subject", "id"); got != "" {
		t.Errorf("override of SUCCESS: %s", got)
	}
	manage(http.MethodPatch, "/switches", `{"expired-as":"not_found","validation-status":"204"}`, nil).want(http.StatusNoContent)
	if sw := c.sim.Switches(); sw.ValidationStatus != 204 || sw.ExpiredAs != signicattest.ExpiredAsNotFound {
		t.Errorf("%+v", sw)
	}
	manage(http.MethodPost, "/faults", `[{"operation":"read_session","call":1,"times":2,"after":true,"delay_ms":1,"status":429,"retry_after":"3"},
		{"operation":"read_session","call":3,"redirect":"/","body":"html"}]`, nil).want(http.StatusNoContent)
	if r := l.read().want(429); r.header.Get("Retry-After") != "3" {
		t.Errorf("%v", r.header)
	}
	l.read().want(429)
	l.read().want(http.StatusFound)
	manage(http.MethodPost, "/faults", `[{"operation":"read_session","cut":"before_headers"}]`, nil).want(http.StatusNoContent)
	manage(http.MethodDelete, "/faults", "", nil).want(http.StatusNoContent)
	l.read().want(http.StatusOK)
	manage(http.MethodPost, "/access-tokens/revoke", "", nil).want(http.StatusNoContent)
	l.read().want(http.StatusUnauthorized)
	manage(http.MethodPost, "/reset", "", nil).want(http.StatusNoContent)
	if n := len(c.sim.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestManagementRefusals(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	manage := manager(t, c)
	l := c.login(sessionBody)
	elsewhere := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	for name, test := range map[string]struct {
		method, path, body string
		header             http.Header
		want               int
	}{
		"unknown session":            {http.MethodGet, "/sessions/x", "", nil, 404},
		"approval of an unknown":     {http.MethodPost, "/sessions/x/approve", "", nil, 404},
		"refusal of an unknown":      {http.MethodPost, "/sessions/x/refuse", "", nil, 404},
		"end of an unknown":          {http.MethodPost, "/sessions/x/abort", "", nil, 404},
		"unknown persona":            {http.MethodPost, "/sessions/" + l.id + "/approve", `{"persona":"x"}`, nil, 400},
		"unknown refusal":            {http.MethodPost, "/sessions/" + l.id + "/refuse", `{"error":"x"}`, nil, 400},
		"unknown member":             {http.MethodPost, "/sessions/" + l.id + "/approve", `{"person":"adult"}`, nil, 400},
		"not JSON":                   {http.MethodPost, "/faults", `x`, nil, 400},
		"a second object":            {http.MethodPost, "/sessions/" + l.id + "/approve", `{} {"persona":"bis"}`, nil, 400},
		"a fault that is none":       {http.MethodPost, "/faults", `[{"operation":"read_session"}]`, nil, 400},
		"unknown switch":             {http.MethodPatch, "/switches", `{"x":"y"}`, nil, 400},
		"another method":             {http.MethodPut, "/switches", `{}`, nil, 405},
		"unknown path":               {http.MethodGet, "/x", "", nil, 404},
		"a page of another origin":   {http.MethodPost, "/reset", "", elsewhere, 403},
		"its read changes nothing":   {http.MethodGet, "/counts", "", elsewhere, 200},
		"a page that drops a script": {http.MethodDelete, "/faults", "", elsewhere, 403},
	} {
		if r := manage(test.method, test.path, test.body, test.header.Clone()); r.status != test.want {
			t.Errorf("%s: %d, want %d: %s", name, r.status, test.want, r.body)
		}
	}
	if got := l.read().text("status"); got != "CREATED" {
		t.Errorf("status %s", got)
	}
}

// TestManagementIsNotOnTheAPI keeps the two listeners apart.
func TestManagementIsNotOnTheAPI(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	manage := manager(t, c)
	c.do(http.MethodPost, "/reset", "", nil).want(http.StatusNotFound)
	c.do(http.MethodGet, "/personas", "", nil).want(http.StatusNotFound)
	manage(http.MethodPost, "/auth/rest/sessions", sessionBody, nil).want(http.StatusNotFound)
}
