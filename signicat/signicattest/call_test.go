package signicattest_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func TestCallsOfALogin(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	l := c.login(sessionBody)
	l.validate(l.approve("adult")).want(http.StatusOK)
	l.read().want(http.StatusOK)
	var operations []string
	for _, call := range c.sim.Calls() {
		operations = append(operations, call.Operation)
		if call.Status != 200 || call.Processed != 200 || call.Number != 1 || call.Problem != "" || call.Time.IsZero() {
			t.Errorf("%+v", call)
		}
	}
	want := []string{"access_token", "create_session", "validate_code", "read_session"}
	if diff := cmp.Diff(want, operations); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"access_token": 1, "create_session": 1, "validate_code": 1, "read_session": 1}, c.sim.Counts()); diff != "" {
		t.Error(diff)
	}
	calls := c.sim.Calls()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"signicat-api"}, "client_id": {signicattest.DefaultClientID}, "client_secret": {"(left out)"}}
	if diff := cmp.Diff(form, calls[0].Form); diff != "" {
		t.Error(diff)
	}
	if validation := calls[2]; validation.Header.Get("Signicat-AccountId") != signicattest.DefaultAccountID || !strings.Contains(string(validation.Body), l.state) {
		t.Errorf("%+v", validation)
	}
}

// TestCallsAreBounded sends more calls than are remembered: the counters stay exact.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	sim, err := signicattest.New(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	const n = 10_050
	for range n {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/rest/sessions/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		sim.Handler().ServeHTTP(discard{}, r)
	}
	calls := sim.Calls()
	if len(calls) != 10_000 || calls[0].Number != 51 || calls[len(calls)-1].Number != n || sim.Count(signicattest.OperationReadSession) != n {
		t.Errorf("%d calls from %d to %d, %d counted", len(calls), calls[0].Number, calls[len(calls)-1].Number, sim.Count("read_session"))
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// TestLargeBodiesAreNotRecorded keeps the record small whatever is sent.
func TestLargeBodiesAreNotRecorded(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	c.do(http.MethodPost, "/auth/rest/sessions", with(`"externalReference":"`+strings.Repeat("x", 5000)+`"`), nil).want(http.StatusOK)
	c.do(http.MethodPost, "/auth/rest/sessions", `{"not":json}`, nil).want(http.StatusBadRequest)
	for _, call := range c.sim.Calls()[1:] {
		if call.Body != nil {
			t.Errorf("%+v", call)
		}
	}
}

// TestConcurrentLogins runs whole logins beside each other, and everything that tests do beside them.
func TestConcurrentLogins(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{MaxSessions: 1000})
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if got := c.wholeLogin(); got != "SUCCESS" {
					t.Errorf("status %s", got)
				}
			}
		})
		wg.Go(func() {
			for range each {
				c.sim.Sessions()
				c.sim.Calls()
				c.sim.Personas()
				if err := c.sim.SetSwitches(c.sim.Switches()); err != nil {
					t.Error(err)
				}
				if err := c.sim.Script(signicattest.Fault{Operation: signicattest.OperationUnknown, Status: 500}); err != nil {
					t.Error(err)
				}
				c.sim.ClearScript()
			}
		})
	}
	wg.Wait()
	for _, o := range []string{"create_session", "validate_code", "read_session"} {
		if n := c.sim.Count(o); n != workers*each {
			t.Errorf("%s: %d", o, n)
		}
	}
}

// wholeLogin may run in any goroutine.
func (c *client) wholeLogin() string {
	r, err := c.send(http.MethodPost, "/auth/rest/sessions", sessionBody, nil)
	if err != nil {
		return err.Error()
	}
	redirect, err := c.sim.Approve(r.text("idpData", "authorizationRequestUrl"), "adult")
	if err != nil {
		return err.Error()
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return err.Error()
	}
	body := `{"code":"` + u.Query().Get("code") + `","state":"` + u.Query().Get("state") + `","transactionId":"` + r.text("idpData", "transactionId") + `"}`
	if _, err := c.send(http.MethodPost, validatePath, body, accountHeader); err != nil {
		return err.Error()
	}
	if r, err = c.send(http.MethodGet, "/auth/rest/sessions/"+r.text("id"), "", nil); err != nil {
		return err.Error()
	}
	return r.text("status")
}
