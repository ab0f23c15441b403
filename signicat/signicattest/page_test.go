package signicattest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// phone is a browser that opens an authorization request URL: it has no access token.
func (l login) phone(method, query string, form url.Values) reply {
	l.c.t.Helper()
	header := http.Header{"Authorization": nil}
	if form != nil {
		header["Content-Type"] = formType["Content-Type"]
	}
	return l.c.do(method, l.url+query, form.Encode(), header)
}

func TestPage(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	l.phone(http.MethodHead, "", nil).want(http.StatusOK)
	if got := l.read().text("status"); got != "CREATED" {
		t.Errorf("after HEAD: %s", got)
	}
	r := l.phone(http.MethodGet, "", nil).want(http.StatusOK)
	if got := l.read().text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("after GET: %s", got)
	}
	for _, want := range []string{
		"This is a simulator", "It is not itsme", "app.example.be", "Signicat_SIMULATOR_IDENTIFICATION",
		"<code>birthdate</code>", "<code>BENationalNumber</code>", `<form method="post">`,
		`value="approve"`, `value="refuse"`, `value="adult" checked`, "Zoë Αθηνά Lefèvre-Öztürk Łukasik",
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, p := range c.sim.Personas() {
		if !strings.Contains(r.body, `value="`+p.Key+`"`) {
			t.Errorf("the page lacks %s", p.Key)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "src=", "<link"} {
		if strings.Contains(r.body, never) {
			t.Errorf("the page has %s", never)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if !strings.HasPrefix(r.header.Get("Content-Security-Policy"), "default-src 'none';") {
		t.Errorf("policy %s", r.header.Get("Content-Security-Policy"))
	}
}

func TestPageWithoutClaims(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	r := c.login(attributes(`[]`)).phone(http.MethodGet, "", nil).want(http.StatusOK)
	if !strings.Contains(r.body, "nothing but who you are") || !strings.Contains(r.body, "Signicat_SIMULATOR_AUTHENTICATION") {
		t.Error(r.body)
	}
}

func TestPageAnswers(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for name, test := range map[string]struct {
		form       url.Values
		wantStatus int
		wantQuery  string
	}{
		"approve":                     {url.Values{"decision": {"approve"}, "persona": {"bis"}}, 303, "?code="},
		"approve without a persona":   {url.Values{"decision": {"approve"}}, 303, "?code="},
		"refuse":                      {url.Values{"decision": {"refuse"}}, 303, "?error=access_denied&state="},
		"refuse for another reason":   {url.Values{"decision": {"refuse"}, "error": {"login_required"}, "error_description": {"<b>"}}, 303, "?error=login_required&state="},
		"refuse for no reason":        {url.Values{"decision": {"refuse"}, "error": {"x"}}, 400, ""},
		"approve as an unknown":       {url.Values{"decision": {"approve"}, "persona": {"<b>"}}, 400, ""},
		"neither approve nor refuse":  {url.Values{"persona": {"adult"}}, 400, ""},
		"the decision in the address": {nil, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := c.on(t).login(sessionBody)
			query := ""
			if test.form == nil {
				query = "&decision=approve"
			}
			r := l.phone(http.MethodPost, query, test.form).want(test.wantStatus)
			location := r.header.Get("Location")
			if test.wantQuery == "" {
				if location != "" || !strings.Contains(r.body, "This login cannot go on") || strings.Contains(r.body, "<b>") {
					t.Errorf("%s %s", location, r.body)
				}
				return
			}
			if !strings.HasPrefix(location, signicattest.DefaultRedirectURL+test.wantQuery) || r.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%v", r.header)
			}
			l.phone(http.MethodPost, "", test.form).want(http.StatusConflict)
			l.phone(http.MethodGet, "", nil).want(http.StatusConflict)
		})
	}
}

// TestPageNeverRedirectsForAWrongRequest is an open redirector that must not exist: the URL names the target, the page
// must not go there unless the session does.
func TestPageNeverRedirectsForAWrongRequest(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	good := l.url
	for name, wrong := range map[string]string{
		"another redirect URL": strings.Replace(good, "app.example.be", "evil.example", 1),
		"another client":       good[:len(good)-6] + "evilCl",
		"another state":        strings.Replace(good, "state=", "state=x", 1),
		"markup":               strings.Replace(good, "state=", "state=%3Cscript%3E", 1),
		"no parameters":        c.sim.URL + "/v2/authorization",
		"a broken query":       good + "&%zz",
	} {
		l.url = wrong
		for _, r := range []reply{
			l.phone(http.MethodGet, "", nil),
			l.phone(http.MethodPost, "", url.Values{"decision": {"approve"}}),
			l.phone(http.MethodPost, "", url.Values{"decision": {"refuse"}}),
		} {
			if r.status != http.StatusBadRequest || r.header.Get("Location") != "" || strings.Contains(r.body, "<script") {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	l.url = good
	r := c.do(http.MethodPost, good, "decision=approve&%zz", formType)
	if r.status != http.StatusBadRequest {
		t.Errorf("a broken form: %d", r.status)
	}
	c.do(http.MethodPut, good, "", nil).want(http.StatusMethodNotAllowed)
	if got := l.read().text("status"); got != "WAITING_FOR_USER" && got != "CREATED" {
		t.Errorf("status %s", got)
	}
}
