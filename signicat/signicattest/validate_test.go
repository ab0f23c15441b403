package signicattest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const validatePath = "/idps/oidc-vendor/itsme/login-headless/token"

// TestValidationRefusals also shows that no refusal uses the code up.
func TestValidationRefusals(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	body := func(code, state, tx string) string {
		return fmt.Sprintf(`{"code":%q,"state":%q,"transactionId":%q}`, code, state, tx)
	}
	for name, test := range map[string]struct {
		body       func(code string, l login) string
		header     http.Header
		wantStatus int
		wantCode   string
	}{
		"no account":          {nil, http.Header{}, 400, "invalid_account_id"},
		"another account":     {nil, http.Header{"Signicat-Accountid": {"a-spge-other"}}, 403, "invalid_account_id"},
		"a form":              {nil, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415, "unsupported_media_type"},
		"no body":             {func(string, login) string { return "" }, http.Header{"Content-Type": {"application/json"}}, 400, "invalid_request_parameter"},
		"another code":        {func(_ string, l login) string { return body(strings.Repeat("a", 36), l.state, l.tx) }, nil, 400, "invalid_grant"},
		"code in upper case":  {func(code string, l login) string { return body(strings.ToUpper(code), l.state, l.tx) }, nil, 400, "invalid_grant"},
		"another state":       {func(code string, l login) string { return body(code, "x"+l.state, l.tx) }, nil, 400, "invalid_grant"},
		"encoded state":       {func(code string, l login) string { return body(code, strings.Replace(l.state, ":", "%3A", 1), l.tx) }, nil, 400, "invalid_grant"},
		"another transaction": {func(code string, l login) string { return body(code, l.state, l.id) }, nil, 400, "invalid_grant"},
		"no code":             {func(_ string, l login) string { return fmt.Sprintf(`{"state":%q,"transactionId":%q}`, l.state, l.tx) }, nil, 400, "invalid_request_parameter"},
		"no state":            {func(code string, l login) string { return fmt.Sprintf(`{"code":%q,"transactionId":%q}`, code, l.tx) }, nil, 400, "invalid_request_parameter"},
		"no transaction":      {func(code string, l login) string { return fmt.Sprintf(`{"code":%q,"state":%q}`, code, l.state) }, nil, 400, "invalid_request_parameter"},
		"empty code":          {func(_ string, l login) string { return body("", l.state, l.tx) }, nil, 400, "invalid_request_parameter"},
		"code a number": {func(_ string, l login) string {
			return fmt.Sprintf(`{"code":1,"state":%q,"transactionId":%q}`, l.state, l.tx)
		}, nil, 400, "invalid_request_parameter"},
		"unknown member": {func(code string, l login) string {
			return strings.Replace(body(code, l.state, l.tx), "{", `{"nonce":"x",`, 1)
		}, nil, 400, "invalid_request_parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c.on(t)
			l := c.login(sessionBody)
			code := l.approve("adult")
			sent := body(code, l.state, l.tx)
			if test.body != nil {
				sent = test.body(code, l)
			}
			header := test.header
			if header == nil {
				header = accountHeader
			} else if header.Get("Content-Type") != "" {
				header = http.Header{"Content-Type": header["Content-Type"], "Signicat-Accountid": accountHeader["Signicat-Accountid"]}
			}
			r := c.do(http.MethodPost, validatePath, sent, header).want(test.wantStatus)
			if got := r.text("code"); got != test.wantCode {
				t.Errorf("code %q, want %q: %s", got, test.wantCode, r.body)
			}
			l.validate(code).want(http.StatusOK)
		})
	}
}

// TestCodeOfAnotherLogin is the attack of mixing up two logins: it must not log in, and must not spoil either.
func TestCodeOfAnotherLogin(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	a, b := c.login(sessionBody), c.login(sessionBody)
	codeA, codeB := a.approve("adult"), b.approve("bis")
	c.validate(codeA, b.state, b.tx).want(http.StatusBadRequest)
	c.validate(codeA, a.state, b.tx).want(http.StatusBadRequest)
	c.validate(codeA, b.state, a.tx).want(http.StatusBadRequest)
	for _, l := range []login{a, b} {
		if got := l.read().text("status"); got != "WAITING_FOR_USER" {
			t.Errorf("status %s", got)
		}
	}
	a.validate(codeA).want(http.StatusOK)
	b.validate(codeB).want(http.StatusOK)
	if a.read().text("subject", "firstName") != "Lien" || b.read().text("subject", "firstName") != "Amina" {
		t.Error("the persons were mixed up")
	}
}

func TestCodeIsUsedOnce(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	code := l.approve("adult")
	l.validate(code).want(http.StatusOK)
	l.validate(code).want(http.StatusBadRequest)
	if got := l.read().text("status"); got != "SUCCESS" {
		t.Errorf("status %s", got)
	}
}

func TestCodeLivesThreeMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := start(t, signicattest.Config{Now: clock.now})
	early, late := c.login(sessionBody), c.login(sessionBody)
	codeEarly, codeLate := early.approve("adult"), late.approve("adult")
	clock.advance(3*time.Minute - time.Second)
	early.validate(codeEarly).want(http.StatusOK)
	clock.advance(time.Second)
	late.validate(codeLate).want(http.StatusBadRequest)
	if got := late.read().text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("status %s", got)
	}
}

func TestValidationBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	l.validate(strings.Repeat("a", 36)).want(http.StatusBadRequest)
	if _, err := c.sim.Refuse(l.url); err != nil {
		t.Fatal(err)
	}
	l.validate(strings.Repeat("a", 36)).want(http.StatusBadRequest)
}
