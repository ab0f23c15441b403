package signicattest_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestEnds ends sessions by id and by authorization request URL, and shows that a code does not revive them.
func TestEnds(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for want, end := range map[string]func(string) error{
		"ABORT": c.sim.Abort, "CANCELLED": c.sim.Cancel, "INVALID": c.sim.Invalidate, "EXPIRED": c.sim.Expire,
		"ERROR": func(name string) error { return c.sim.Fail(name, signicattest.SessionError{}) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := c.on(t)
			byID, byURL := c.login(sessionBody), c.login(sessionBody)
			code := byID.approve("adult")
			if err := end(byID.id); err != nil {
				t.Fatal(err)
			}
			if err := end(byURL.url); err != nil {
				t.Fatal(err)
			}
			byID.validate(code).want(http.StatusBadRequest)
			for _, l := range []login{byID, byURL} {
				r := l.read().want(http.StatusOK)
				if r.text("status") != want || r.member("subject") != nil || r.member("loa") != nil {
					t.Error(r.body)
				}
				if got := r.text("error", "code"); (want == "ERROR") != (got == "session_error") {
					t.Errorf("error code %q", got)
				}
			}
			if err := end(byID.id); !errors.Is(err, signicattest.ErrEnded) {
				t.Errorf("again: %v", err)
			}
			if err := end("x"); !errors.Is(err, signicattest.ErrSession) {
				t.Errorf("unknown: %v", err)
			}
		})
	}
}

func TestFailWith(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	e := signicattest.SessionError{Type: "t", Title: "Invalid Account ID Error", Detail: "d", Code: "invalid_account_id"}
	if err := c.sim.Fail(l.id, e); err != nil {
		t.Fatal(err)
	}
	r := l.read()
	want := map[string]any{"type": "t", "title": "Invalid Account ID Error", "detail": "d", "code": "invalid_account_id"}
	if diff := cmp.Diff(want, r.member("error")); diff != "" || r.text("statusDetail") != "d" {
		t.Errorf("%s%s", diff, r.body)
	}
}

func TestOverrideNextSuccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		override signicattest.Override
		path     []string
		want     any
	}{
		"no subject.id":       {signicattest.Override{Subject: map[string]any{"id": nil}}, []string{"subject", "id"}, nil},
		"no subject":          {signicattest.Override{Session: map[string]any{"subject": nil}}, []string{"subject"}, nil},
		"another LoA":         {signicattest.Override{Session: map[string]any{"loa": "low"}}, []string{"loa"}, "low"},
		"no LoA":              {signicattest.Override{Session: map[string]any{"loa": nil}}, []string{"loa"}, nil},
		"another account":     {signicattest.Override{Session: map[string]any{"accountId": "a-spge-other"}}, []string{"accountId"}, "a-spge-other"},
		"another eID":         {signicattest.Override{Session: map[string]any{"provider": "nbid"}}, []string{"provider"}, "nbid"},
		"another session":     {signicattest.Override{Session: map[string]any{"id": "x"}}, []string{"id"}, "x"},
		"a transaction":       {signicattest.Override{Session: map[string]any{"transactionId": "x"}}, []string{"transactionId"}, "x"},
		"another transaction": {signicattest.Override{IDPData: map[string]any{"transactionId": "x"}}, []string{"idpData", "transactionId"}, "x"},
		"a missing attribute": {signicattest.Override{Subject: map[string]any{"name": nil}}, []string{"subject", "name"}, nil},
		"one attribute more":  {signicattest.Override{Subject: map[string]any{"email": "x@example.be"}}, []string{"subject", "email"}, "x@example.be"},
		"another type":        {signicattest.Override{Subject: map[string]any{"name": 5}}, []string{"subject", "name"}, 5.0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, signicattest.Config{})
			l, next := c.login(sessionBody), c.login(sessionBody)
			before := l.read()
			c.sim.OverrideNextSuccess(test.override)
			code, codeNext := l.approve("adult"), next.approve("adult")
			if got := l.read(); got.member(test.path...) != before.member(test.path...) {
				t.Errorf("before SUCCESS: %s", got.body)
			}
			l.validate(code).want(http.StatusOK)
			next.validate(codeNext).want(http.StatusOK)
			if got := l.read(); got.member(test.path...) != test.want {
				t.Errorf("%v, want %v: %s", got.member(test.path...), test.want, got.body)
			}
			if got := next.read(); got.text("subject", "name") != "Lien Peeters" || got.text("loa") != "high" || got.member("subject", "id") == nil {
				t.Errorf("the login after it: %s", got.body)
			}
		})
	}
}

func TestOverrideNextCreateAndSession(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	c.sim.OverrideNextCreate(signicattest.Override{IDPData: map[string]any{"tokenRequestUrl": "https://evil.example/"}})
	r := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil).want(http.StatusOK)
	if r.text("idpData", "tokenRequestUrl") != "https://evil.example/" {
		t.Error(r.body)
	}
	l := c.login(sessionBody)
	if r := l.read(); r.text("idpData", "tokenRequestUrl") == "https://evil.example/" {
		t.Error(r.body)
	}
	if err := c.sim.OverrideSession(l.url, signicattest.Override{Session: map[string]any{"status": "STARTED"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := l.read().text("status"); got != "STARTED" {
			t.Errorf("status %s", got)
		}
	}
	if got := l.cancel().text("status"); got != "STARTED" {
		t.Errorf("status %s", got)
	}
	if err := c.sim.OverrideSession("x", signicattest.Override{}); !errors.Is(err, signicattest.ErrSession) {
		t.Errorf("%v", err)
	}
}

func TestSessionInfo(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	l := c.login(sessionBody)
	l.validate(l.approve("bis")).want(http.StatusOK)
	got, err := c.sim.Session(l.url)
	if err != nil {
		t.Fatal(err)
	}
	want := signicattest.SessionInfo{
		ID: l.id, TransactionID: l.tx, Status: "SUCCESS", AuthorizationRequestURL: l.url, State: l.state, Persona: "bis",
		RedirectURL: signicattest.DefaultRedirectURL, Answered: true, CodeUsed: true, CreatedAt: clock.now(), ExpiresAt: got.ExpiresAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.sim.Session("x"); !errors.Is(err, signicattest.ErrSession) {
		t.Errorf("%v", err)
	}
	c.sim.Reset()
	if n := len(c.sim.Sessions()) + len(c.sim.Calls()) + len(c.sim.Counts()); n != 0 {
		t.Errorf("%d things are left after a reset", n)
	}
}
