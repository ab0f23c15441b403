package signicattest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func script(t *testing.T, c *client, faults ...signicattest.Fault) {
	t.Helper()
	if err := c.sim.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// TestFaultKinds sees every kind on the wire, in the place of an operation and after it.
func TestFaultKinds(t *testing.T) {
	t.Parallel()
	status := func(n int) func(reply, error) bool {
		return func(r reply, err error) bool { return err == nil && r.status == n }
	}
	for name, test := range map[string]struct {
		fault signicattest.Fault
		seen  func(reply, error) bool
	}{
		"status": {signicattest.Fault{Status: 503}, func(r reply, err error) bool {
			return err == nil && r.status == 503 && r.text("code") == "scripted_fault" && r.header.Get("Retry-After") == ""
		}},
		"status without a body": {signicattest.Fault{Status: 204}, func(r reply, err error) bool { return err == nil && r.status == 204 && r.body == "" }},
		"too many requests":     {signicattest.Fault{Status: 429, RetryAfter: "7"}, func(r reply, err error) bool { return status(429)(r, err) && r.header.Get("Retry-After") == "7" }},
		"redirect": {signicattest.Fault{Redirect: "https://evil.example/"}, func(r reply, err error) bool {
			return status(302)(r, err) && r.header.Get("Location") == "https://evil.example/"
		}},
		"redirect with its status": {signicattest.Fault{Redirect: "/", Status: 307}, status(307)},
		"truncated": {signicattest.Fault{Body: signicattest.BodyTruncated}, func(r reply, err error) bool {
			return status(200)(r, err) && r.body != "" && !json.Valid([]byte(r.body))
		}},
		"huge": {signicattest.Fault{Body: signicattest.BodyHuge}, func(r reply, err error) bool {
			return status(200)(r, err) && len(r.body) > 5<<20 && json.Valid([]byte(r.body))
		}},
		"huge with an error status": {signicattest.Fault{Body: signicattest.BodyHuge, Status: 500}, func(r reply, err error) bool { return status(500)(r, err) && len(r.body) > 5<<20 }},
		"page": {signicattest.Fault{Body: signicattest.BodyHTML}, func(r reply, err error) bool {
			return status(200)(r, err) && strings.HasPrefix(r.header.Get("Content-Type"), "text/html")
		}},
		"array":                  {signicattest.Fault{Body: signicattest.BodyArray}, func(r reply, err error) bool { return status(200)(r, err) && strings.HasPrefix(r.body, "[") }},
		"empty object":           {signicattest.Fault{Body: signicattest.BodyEmptyObject}, func(r reply, err error) bool { return status(200)(r, err) && r.body == "{}" }},
		"empty":                  {signicattest.Fault{Body: signicattest.BodyEmpty}, func(r reply, err error) bool { return status(200)(r, err) && r.body == "" }},
		"cut before the headers": {signicattest.Fault{Cut: signicattest.CutBeforeHeaders}, func(_ reply, err error) bool { return errors.Is(err, io.EOF) }},
		"cut in the body": {signicattest.Fault{Cut: signicattest.CutMidBody}, func(r reply, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && r.status == 200 && r.body != ""
		}},
		"cut in the body of an error": {signicattest.Fault{Cut: signicattest.CutMidBody, Status: 500}, func(r reply, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) && r.status == 500 }},
		"cut in a huge body":          {signicattest.Fault{Cut: signicattest.CutMidBody, Body: signicattest.BodyHuge}, func(r reply, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) && len(r.body) > 2<<20 }},
		"a moment": {signicattest.Fault{Delay: time.Millisecond}, func(r reply, err error) bool {
			return status(200)(r, err) && r.text("idpData", "tokenRequestUrl") != ""
		}},
	} {
		for _, after := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " after", false: " before"}[after], func(t *testing.T) {
				t.Parallel()
				c := start(t, signicattest.Config{})
				c.http.Transport.(*http.Transport).DisableKeepAlives = true // so that Go repeats nothing by itself
				f := test.fault
				f.Operation, f.Call, f.After = signicattest.OperationCreateSession, 1, after
				script(t, c, f)
				if r, err := c.send(http.MethodPost, "/auth/rest/sessions", sessionBody, nil); !test.seen(r, err) {
					t.Errorf("%v: %d %.200s", err, r.status, r.body)
				}
				if processed := len(c.sim.Sessions()) == 1; processed != (after || f.Delay > 0) {
					t.Errorf("processed: %t", processed)
				}
				c.login(sessionBody)
			})
		}
	}
}

// TestFaultOfEveryOperation loses each operation's answer once, and cuts each off once, within one login.
func TestFaultOfEveryOperation(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for _, o := range []string{
		signicattest.OperationAccessToken, signicattest.OperationCreateSession, signicattest.OperationReadSession,
		signicattest.OperationCancelSession, signicattest.OperationValidateCode, signicattest.OperationUnknown,
	} {
		script(t, c, signicattest.Fault{Operation: o, Call: 1, Status: 500}, signicattest.Fault{Operation: o, Call: 2, Status: 502, After: true})
	}
	l := login{c: c, id: "x"}
	for range 2 {
		if r := c.do(http.MethodPost, tokenPath, "x", formType); r.status < 500 || r.text("error") != "temporarily_unavailable" && r.status == 500 {
			t.Errorf("access token: %d %s", r.status, r.body)
		}
		for _, r := range []reply{c.do(http.MethodPost, "/auth/rest/sessions", sessionBody, nil), l.read(), l.cancel(), l.validate("x"), c.do(http.MethodGet, "/x", "", nil)} {
			if r.status != 500 && r.status != 502 {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
	}
	if n := len(c.sim.Sessions()); n != 1 {
		t.Errorf("%d sessions, want that of the lost answer alone", n)
	}
}

// TestLostValidation loses the answer of a validation: the code is used, and the client does not know.
func TestLostValidation(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	lost, never := c.login(sessionBody), c.login(sessionBody)
	codeLost, codeNever := lost.approve("adult"), never.approve("adult")
	script(t, c,
		signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, After: true, Cut: signicattest.CutBeforeHeaders},
		signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 2, Cut: signicattest.CutBeforeHeaders})
	lost.lose(codeLost)
	never.lose(codeNever)
	if got := lost.read().text("status"); got != "SUCCESS" {
		t.Errorf("lost answer: %s", got)
	}
	lost.validate(codeLost).want(http.StatusBadRequest)
	if got := never.read().text("status"); got != "WAITING_FOR_USER" {
		t.Errorf("lost request: %s", got)
	}
	never.validate(codeNever).want(http.StatusOK)
	var calls []signicattest.Call
	for _, call := range c.sim.Calls() {
		if call.Operation == signicattest.OperationValidateCode {
			calls = append(calls, call)
		}
	}
	if calls[0].Status != 0 || calls[0].Processed != 200 || calls[1].Status != 0 || calls[1].Processed != 0 || calls[3].Status != 200 {
		t.Errorf("%+v", calls)
	}
}

// lose validates a code and gets no answer.
func (l login) lose(code string) {
	l.c.t.Helper()
	body, err := json.Marshal(map[string]string{"code": code, "state": l.state, "transactionId": l.tx})
	if err != nil {
		l.c.t.Fatal(err)
	}
	if r, err := l.c.send(http.MethodPost, validatePath, string(body), accountHeader); err == nil {
		l.c.t.Fatalf("an answer came: %d", r.status)
	}
}

// TestFaultSchedule numbers the calls from 1 and lists which of eight fail, for each way to say it.
func TestFaultSchedule(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		faults []signicattest.Fault
		want   string
	}{
		"every":             {[]signicattest.Fault{{Status: 500}}, "500 500 500 500 500 500 500 500"},
		"the next":          {[]signicattest.Fault{{Status: 500, Call: 1}}, "500 404 404 404 404 404 404 404"},
		"the next two":      {[]signicattest.Fault{{Status: 500, Times: 2}}, "500 500 404 404 404 404 404 404"},
		"the third":         {[]signicattest.Fault{{Status: 500, Call: 3}}, "404 404 500 404 404 404 404 404"},
		"three from third":  {[]signicattest.Fault{{Status: 500, Call: 3, Times: 3}}, "404 404 500 500 500 404 404 404"},
		"the first counts":  {[]signicattest.Fault{{Status: 500, Call: 2}, {Status: 502}}, "502 500 502 502 502 502 502 502"},
		"of other routes":   {[]signicattest.Fault{{Operation: signicattest.OperationCancelSession, Status: 500}}, "404 404 404 404 404 404 404 404"},
		"one after another": {[]signicattest.Fault{{Status: 500, Call: 1}, {Status: 502, Call: 2}, {Status: 503, Call: 3}}, "500 502 503 404 404 404 404 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, signicattest.Config{})
			for i := range test.faults {
				test.faults[i].Operation = cmp.Or(test.faults[i].Operation, signicattest.OperationReadSession)
			}
			c.do(http.MethodGet, "/auth/rest/sessions/x", "", nil).want(http.StatusNotFound) // calls before do not count
			script(t, c, test.faults...)
			var got []string
			for range 8 {
				got = append(got, strconv.Itoa(c.do(http.MethodGet, "/auth/rest/sessions/x", "", nil).status))
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("%s, want %s", s, test.want)
			}
			c.sim.ClearScript()
			c.do(http.MethodGet, "/auth/rest/sessions/x", "", nil).want(http.StatusNotFound)
		})
	}
}

func TestScriptRefuses(t *testing.T) {
	t.Parallel()
	c := start(t, signicattest.Config{})
	for name, f := range map[string]signicattest.Fault{
		"no operation":              {Status: 500},
		"an unknown operation":      {Operation: "login", Status: 500},
		"a negative call":           {Operation: "read_session", Call: -1, Status: 500},
		"a negative number":         {Operation: "read_session", Times: -1, Status: 500},
		"a negative delay":          {Operation: "read_session", Delay: -1, Status: 500},
		"a status that is none":     {Operation: "read_session", Status: 99},
		"an informational status":   {Operation: "read_session", Status: 101},
		"Retry-After of a success":  {Operation: "read_session", RetryAfter: "1"},
		"an unknown body":           {Operation: "read_session", Body: "xml"},
		"an unknown cut":            {Operation: "read_session", Cut: "later"},
		"nothing that would happen": {Operation: "read_session"},
	} {
		if err := c.sim.Script(signicattest.Fault{Operation: "read_session", Status: 500}, f); !errors.Is(err, signicattest.ErrFault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.do(http.MethodGet, "/auth/rest/sessions/x", "", nil).want(http.StatusNotFound)
}

// TestDelay measures by the clock of testing/synctest.
func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, transport := startInMemory(t)
		script(t, c, signicattest.Fault{Operation: signicattest.OperationCreateSession, Delay: 8 * time.Second, Call: 1})
		began := time.Now()
		c.login(sessionBody)
		if d := time.Since(began); d != 8*time.Second {
			t.Errorf("took %s", d)
		}
		transport.CloseIdleConnections()
	})
}

// TestDelayEndsWithTheCaller also shows what had been done when the caller gave up.
func TestDelayEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, transport := startInMemory(t)
			script(t, c, signicattest.Fault{Operation: signicattest.OperationCreateSession, Delay: time.Hour, After: after, Call: 1})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.sim.URL+"/auth/rest/sessions", strings.NewReader(sessionBody))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Authorization": {"Bearer " + c.token}, "Content-Type": {"application/json"}}
			if _, err := c.http.Do(r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			synctest.Wait()
			if n := len(c.sim.Sessions()); (n == 1) != after {
				t.Errorf("after %t: %d sessions", after, n)
			}
			transport.CloseIdleConnections()
		})
	}
}

func TestDelayEndsWithTheSimulator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, transport := startInMemory(t)
		script(t, c, signicattest.Fault{Operation: signicattest.OperationReadSession, Delay: time.Hour})
		began := time.Now()
		failed := make(chan error)
		go func() {
			_, err := c.send(http.MethodGet, "/auth/rest/sessions/x", "", nil)
			failed <- err
		}()
		synctest.Wait()
		c.sim.Close()
		if err := <-failed; err == nil || time.Since(began) != 0 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		transport.CloseIdleConnections()
	})
}
