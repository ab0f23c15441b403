package signicattest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// form is one form of a switch: how it is asked for, and what a client sees of it.
type form struct {
	name, form string
	see        func(t *testing.T, c *client, k *clock) string
	want       string
}

// forms has every form of every switch.
func forms() []form {
	return []form{
		{"validation-status", "200", seeValidation, "200"},
		{"validation-status", "204", seeValidation, "204"},
		{"validation-body", "none", seeValidation, "200"},
		{"validation-body", "object", seeValidation, "200{}"},
		{"unknown-transaction-status", "400", seeUnknownTransaction, "400 invalid_grant"},
		{"unknown-transaction-status", "404", seeUnknownTransaction, "404 invalid_transaction_id"},
		{"state-encoding", "raw", seeStates, "raw 200, encoded 400"},
		{"state-encoding", "encoded", seeStates, "raw 400, encoded 200"},
		{"state-encoding", "either", seeStates, "raw 200, encoded 200"},
		{"used-code-accepted", "false", seeUsedCode, "400"},
		{"used-code-accepted", "true", seeUsedCode, "200"},
		{"refused-code", "invalid_grant", seeRefusedCode, "invalid_grant"},
		{"refused-code", "invalid_code", seeRefusedCode, "invalid_code"},
		{"success-before-validation", "false", seeOrder, "WAITING_FOR_USER, 200, SUCCESS"},
		{"success-before-validation", "true", seeOrder, "SUCCESS, 200, SUCCESS"},
		{"reads-before-success", "0", seeReads, "SUCCESS SUCCESS SUCCESS"},
		{"reads-before-success", "2", seeReads, "WAITING_FOR_USER WAITING_FOR_USER SUCCESS"},
		{"waiting-hidden", "false", seeOpened, "WAITING_FOR_USER"},
		{"waiting-hidden", "true", seeOpened, "CREATED"},
		{"expired-as", "status", seeExpired, "200 EXPIRED, cancel 400, validate 400"},
		{"expired-as", "not_found", seeExpired, "404 , cancel 400, validate 400"},
		{"cancel-ended-accepted", "false", seeCancelEnded, "400 , then SUCCESS"},
		{"cancel-ended-accepted", "true", seeCancelEnded, "200 SUCCESS, then SUCCESS"},
		{"cancel-unknown-status", "400", seeCancelUnknown, "400"},
		{"cancel-unknown-status", "404", seeCancelUnknown, "404"},
		{"low-loa-refused", "false", seeLowLoA, "SUCCESS low "},
		{"low-loa-refused", "true", seeLowLoA, "ERROR  session_error"},
		{"address-as-object", "false", seeAttribute("address"), "Rue Royale 82 1000 Bruxelles"},
		{"address-as-object", "true", seeAttribute("address"), "map[formatted:Rue Royale 82 1000 Bruxelles locality:Bruxelles postal_code:1000 street_address:Rue Royale 82]"},
		{"nin-as-string", "false", seeAttribute("nin"), "map[issuingCountry:BE type:PERSON value:88031410286]"},
		{"nin-as-string", "true", seeAttribute("nin"), "88031410286"},
		{"idpid-always", "false", seeIDPID, "[name] false"},
		{"idpid-always", "true", seeIDPID, "[name idpId] true"},
		{"transaction-id-in-read", "false", seeTransactionID, "create false, read false"},
		{"transaction-id-in-read", "true", seeTransactionID, "create false, read true"},
		{"scope-optional", "false", seeScope, "400"},
		{"scope-optional", "true", seeScope, "200"},
		{"invalid-client-status", "400", seeInvalidClient, "400 invalid_client"},
		{"invalid-client-status", "401", seeInvalidClient, "401 invalid_client"},
		{"plain-problems", "false", seeProblem, "application/problem+json"},
		{"plain-problems", "true", seeProblem, "application/json"},
		{"empty-auth-errors", "false", seeAuthErrors, "401 invalid_token, 403 invalid_account_id"},
		{"empty-auth-errors", "true", seeAuthErrors, "401 , 403 "},
		{"refusal-aborts", "false", seeRefusal, "WAITING_FOR_USER"},
		{"refusal-aborts", "true", seeRefusal, "ABORT"},
		{"reanswer-allowed", "false", seeReanswer, "answered"},
		{"reanswer-allowed", "true", seeReanswer, "first code 400, second code 200"},
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	tested := map[string][]string{}
	for _, f := range forms() {
		tested[f.name] = append(tested[f.name], f.form)
		t.Run(f.name+" "+f.form, func(t *testing.T) {
			t.Parallel()
			var sw signicattest.Switches
			if err := sw.Set(f.name, f.form); err != nil {
				t.Fatal(err)
			}
			clock := newClock()
			c := start(t, signicattest.Config{Switches: sw, Now: clock.now})
			if got := f.see(t, c, clock); got != f.want {
				t.Errorf("%q, want %q", got, f.want)
			}
		})
	}
	for _, w := range signicattest.AllSwitches() {
		if w.Form(signicattest.Switches{}) != tested[w.Name][0] {
			t.Errorf("%s: the default is not the first form tested", w.Name)
		}
		if len(tested[w.Name]) < 2 || len(w.Forms) > 0 && !slices.Equal(w.Forms, tested[w.Name]) {
			t.Errorf("%s: forms %v, tested %v", w.Name, w.Forms, tested[w.Name])
		}
	}
}

func seeValidation(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	r := l.validate(l.approve("adult"))
	return fmt.Sprint(r.status, r.body)
}

func seeUnknownTransaction(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	r := c.validate(l.approve("adult"), l.state, l.id)
	return fmt.Sprint(r.status, " ", r.text("code"))
}

func seeStates(_ *testing.T, c *client, _ *clock) string {
	raw, encoded := c.login(sessionBody), c.login(sessionBody)
	return fmt.Sprintf("raw %d, encoded %d", raw.validate(raw.approve("adult")).status,
		c.validate(encoded.approve("adult"), strings.Replace(encoded.state, ":", "%3A", 1), encoded.tx).status)
}

func seeUsedCode(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	code := l.approve("adult")
	l.validate(code).want(http.StatusOK)
	return fmt.Sprint(l.validate(code).status)
}

func seeRefusedCode(_ *testing.T, c *client, _ *clock) string {
	return c.login(sessionBody).validate("x").want(http.StatusBadRequest).text("code")
}

func seeOrder(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	code := l.approve("adult")
	before := l.read().text("status")
	return fmt.Sprintf("%s, %d, %s", before, l.validate(code).status, l.read().text("status"))
}

func seeReads(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	l.validate(l.approve("adult"))
	return l.read().text("status") + " " + l.read().text("status") + " " + l.read().text("status")
}

func seeOpened(t *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	if err := c.sim.Open(l.url); err != nil {
		t.Fatal(err)
	}
	return l.read().text("status")
}

func seeExpired(_ *testing.T, c *client, k *clock) string {
	l := c.login(with(`"sessionLifetime":300`))
	code := l.approve("adult")
	k.advance(5 * time.Minute)
	r := l.read()
	return fmt.Sprintf("%d %s, cancel %d, validate %d", r.status, r.text("status"), l.cancel().status, l.validate(code).status)
}

func seeCancelEnded(_ *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	l.validate(l.approve("adult")).want(http.StatusOK)
	r := l.cancel()
	return fmt.Sprintf("%d %s, then %s", r.status, r.text("status"), l.read().text("status"))
}

func seeCancelUnknown(_ *testing.T, c *client, _ *clock) string {
	return fmt.Sprint(c.do(http.MethodPost, "/auth/rest/sessions/x/cancel", "", nil).status)
}

func seeLowLoA(_ *testing.T, c *client, _ *clock) string {
	l := c.login(with(`"requestedLoa":"substantial"`))
	l.validate(l.approve("low")).want(http.StatusOK)
	r := l.read()
	return r.text("status") + " " + r.text("loa") + " " + r.text("error", "code")
}

func seeAttribute(name string) func(*testing.T, *client, *clock) string {
	return func(_ *testing.T, c *client, _ *clock) string {
		l := c.login(attributes(`["` + name + `"]`))
		l.validate(l.approve("adult")).want(http.StatusOK)
		return fmt.Sprint(l.read().member("subject", name))
	}
}

func seeIDPID(_ *testing.T, c *client, _ *clock) string {
	l := c.login(attributes(`["name"]`))
	l.validate(l.approve("adult")).want(http.StatusOK)
	r := l.read()
	return fmt.Sprint(r.member("requestedAttributes"), " ", r.member("subject", "idpId") != nil)
}

func seeTransactionID(_ *testing.T, c *client, _ *clock) string {
	r := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil)
	read := c.do(http.MethodGet, "/auth/rest/sessions/"+r.text("id"), "", nil)
	return fmt.Sprintf("create %t, read %t", r.member("transactionId") != nil, read.text("transactionId") == r.text("idpData", "transactionId"))
}

func seeScope(_ *testing.T, c *client, _ *clock) string {
	return fmt.Sprint(c.form(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {signicattest.DefaultClientID}, "client_secret": {signicattest.DefaultClientSecret},
	}).status)
}

func seeInvalidClient(_ *testing.T, c *client, _ *clock) string {
	r := c.form(url.Values{"grant_type": {"client_credentials"}, "scope": {"signicat-api"}, "client_id": {"x"}, "client_secret": {"x"}})
	return fmt.Sprint(r.status, " ", r.text("error"))
}

func seeProblem(_ *testing.T, c *client, _ *clock) string {
	return c.do(http.MethodPost, "/auth/rest/sessions", `{}`, nil).want(http.StatusBadRequest).header.Get("Content-Type")
}

func seeAuthErrors(_ *testing.T, c *client, _ *clock) string {
	r := c.do(http.MethodPost, "/auth/rest/sessions?signicat-accountId=x", sessionBody, nil)
	c.token = "x"
	u := c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil)
	return fmt.Sprintf("%d %s, %d %s", u.status, u.text("code"), r.status, r.text("code"))
}

func seeRefusal(t *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	if _, err := c.sim.Refuse(l.url); err != nil {
		t.Fatal(err)
	}
	return l.read().text("status")
}

func seeReanswer(t *testing.T, c *client, _ *clock) string {
	l := c.login(sessionBody)
	first := l.approve("adult")
	redirect, err := c.sim.Approve(l.url, "bis")
	if errors.Is(err, signicattest.ErrAnswered) {
		return "answered"
	}
	u, err2 := url.Parse(redirect)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return fmt.Sprintf("first code %d, second code %d", l.validate(first).status, l.validate(u.Query().Get("code")).status)
}

func TestSetSwitch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		name, form string
		wantErr    error
	}{
		"a form":               {"expired-as", "not_found", nil},
		"an unknown switch":    {"expired", "status", signicattest.ErrSwitch},
		"an unknown form":      {"expired-as", "gone", signicattest.ErrSwitch},
		"an unknown status":    {"validation-status", "201", signicattest.ErrSwitch},
		"a status in words":    {"validation-status", "OK", signicattest.ErrSwitch},
		"yes":                  {"waiting-hidden", "yes", signicattest.ErrSwitch},
		"a negative count":     {"reads-before-success", "-1", signicattest.ErrSwitch},
		"a count in words":     {"reads-before-success", "two", signicattest.ErrSwitch},
		"an empty text":        {"refused-code", "", signicattest.ErrSwitch},
		"an empty form":        {"state-encoding", "", signicattest.ErrSwitch},
		"a form in upper case": {"state-encoding", "RAW", signicattest.ErrSwitch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sw signicattest.Switches
			err := sw.Set(test.name, test.form)
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("%v, want %v", err, test.wantErr)
			}
			if err != nil && sw != (signicattest.Switches{}) {
				t.Errorf("changed all the same: %+v", sw)
			}
		})
	}
}

// TestSetSwitchesWhileRunning changes the forms between two logins.
func TestSetSwitchesWhileRunning(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	if err := c.sim.SetSwitches(signicattest.Switches{StateEncoding: "x"}); !errors.Is(err, signicattest.ErrSwitch) {
		t.Errorf("%v", err)
	}
	if got := c.sim.Switches(); got.ValidationStatus != 200 || got.StateEncoding != signicattest.StateRaw {
		t.Errorf("defaults are not written out: %+v", got)
	}
	if err := c.sim.SetSwitches(signicattest.Switches{ValidationStatus: 204}); err != nil {
		t.Fatal(err)
	}
	l := c.login(sessionBody)
	l.validate(l.approve("adult")).want(http.StatusNoContent)
}
