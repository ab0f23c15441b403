package signicattest_test

import (
	"net/http"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	if got := l.read().want(http.StatusOK).text("status"); got != "CREATED" {
		t.Errorf("after create: %s", got)
	}
	if err := c.sim.Open(l.url); err != nil {
		t.Fatal(err)
	}
	if got := l.read().want(http.StatusOK).text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("after open: %s", got)
	}
	code := l.approve("adult")
	if got := l.read().want(http.StatusOK).text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("after approval: %s", got)
	}
	if r := l.validate(code).want(http.StatusOK); r.body != "" {
		t.Errorf("validation has a body: %s", r.body)
	}
	r := l.read().want(http.StatusOK)
	t.Log(r.body)
	if r.text("status") != "SUCCESS" || r.text("provider") != "itsme" || r.text("loa") != "high" || r.text("subject", "name") != "Lien Peeters" {
		t.Errorf("after validation: %s", r.body)
	}
}
