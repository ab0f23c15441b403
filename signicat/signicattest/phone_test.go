package signicattest_test

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func TestApproveRedirects(t *testing.T) {
	t.Parallel()
	for name, redirectURL := range map[string]string{
		"plain":                    "https://app.example.be/cb",
		"with a query":             "https://app.example.be/cb?b=2&a=%2f",
		"with an empty query":      "https://app.example.be/cb?",
		"that a router would tidy": "https://app.example.be/a//b/../cb",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, signicattest.Config{RedirectURLs: []string{redirectURL}})
			l := c.login(sessionBody)
			got, err := c.sim.Approve(l.url, "")
			if err != nil {
				t.Fatal(err)
			}
			rest, ok := strings.CutPrefix(got, redirectURL)
			if !ok || !regexp.MustCompile(`^[?&]+code=[a-z0-9]{36}&state=[\w-]{43}%3A`).MatchString(rest) {
				t.Errorf("%s", got)
			}
			if _, err := c.sim.Approve(l.url, ""); !errors.Is(err, signicattest.ErrAnswered) {
				t.Errorf("second approval: %v", err)
			}
			if _, err := c.sim.Refuse(l.url); !errors.Is(err, signicattest.ErrAnswered) {
				t.Errorf("refusal after approval: %v", err)
			}
		})
	}
}

func TestRefuseLeavesTheSession(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	got, err := c.sim.Refuse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	if want := signicattest.DefaultRedirectURL + "?error=access_denied&state=" + url.QueryEscape(l.state); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := l.read().text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("status %s", got)
	}
	if got := l.cancel().text("status"); got != "CANCELLED" {
		t.Errorf("status %s", got)
	}
}

func TestRefuseWith(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for _, code := range signicattest.RefusalCodes() {
		got, err := c.sim.RefuseWith(c.login(sessionBody).url, code, "a & b")
		if err != nil || !strings.Contains(got, "?error="+code+"&state=") || !strings.HasSuffix(got, "&error_description=a+%26+b") {
			t.Errorf("%s: %s, %v", code, got, err)
		}
	}
	if _, err := c.sim.RefuseWith(c.login(sessionBody).url, "temporarily_unavailable", ""); !errors.Is(err, signicattest.ErrRefusal) {
		t.Errorf("a code of OAuth that itsme does not have: %v", err)
	}
}

// TestPhoneRefusesAlteredRequests alters one parameter at a time, as an attacker between the app and itsme could.
func TestPhoneRefusesAlteredRequests(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	u, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	altered := map[string]string{
		"no URL":       "%",
		"another path": strings.Replace(l.url, "/v2/", "/v1/", 1),
		"broken query": l.url + "&%",
	}
	for name := range u.Query() {
		for how, change := range map[string]func(url.Values){
			"changed": func(q url.Values) { q.Set(name, "https://evil.example") },
			"dropped": func(q url.Values) { q.Del(name) },
			"twice":   func(q url.Values) { q.Add(name, q.Get(name)) },
		} {
			q := u.Query()
			change(q)
			v := *u
			v.RawQuery = q.Encode()
			altered[name+" "+how] = v.String()
		}
	}
	if len(altered) != 3+8*3 {
		t.Fatalf("%d alterations", len(altered))
	}
	for name, altered := range altered {
		if _, err := c.sim.Approve(altered, "adult"); !errors.Is(err, signicattest.ErrAuthorizationRequest) {
			t.Errorf("approve, %s: %v", name, err)
		}
		if _, err := c.sim.Refuse(altered); !errors.Is(err, signicattest.ErrAuthorizationRequest) {
			t.Errorf("refuse, %s: %v", name, err)
		}
		if err := c.sim.Open(altered); !errors.Is(err, signicattest.ErrAuthorizationRequest) {
			t.Errorf("open, %s: %v", name, err)
		}
	}
	if got := l.read().text("status"); got != "CREATED" {
		t.Errorf("status %s", got)
	}
	if _, err := c.sim.Approve(l.url+"&utm_source=x", "adult"); err != nil {
		t.Errorf("a parameter that OpenID Connect does not know: %v", err)
	}
}

func TestUnknownPersona(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	if _, err := c.sim.Approve(l.url, "unknown"); !errors.Is(err, signicattest.ErrPersona) {
		t.Errorf("%v", err)
	}
	l.approve("adult")
}

// TestPhoneDoesNotKnowTheSession is a person who approves late: itsme sends a code, and Signicat refuses it.
func TestPhoneDoesNotKnowTheSession(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	l.cancel().want(200)
	l.validate(l.approve("adult")).want(400)
	if got := l.read().text("status"); got != "CANCELLED" {
		t.Errorf("status %s", got)
	}
}
