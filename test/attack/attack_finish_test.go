package attack_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// TestCancelFromElsewhereChangesNothing has an attacker who knows the session_id or state of a login cancel
// it. The user would see the login end in the app of itsme for no reason.
func TestCancelFromElsewhereChangesNothing(t *testing.T) {
	e := newLoginEnv(t)
	app, browser, stranger := e.NewApp(), e.browser(t), e.browser(t)
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, _, browserState := e.approved(t, browser.start("/account"))
	stranger.start("/account")
	browserID := gateway.SessionID(browserState)
	for name, answer := range map[string]rawhttptest.Answer{
		"nothing":                      cancel(t, stranger, app.SessionID, `{}`),
		"a wrong verifier":             cancel(t, stranger, app.SessionID, `{"code_verifier":"`+e.NewApp().Verifier+`"}`),
		"the challenge":                cancel(t, stranger, app.SessionID, `{"code_verifier":"`+app.Challenge()+`"}`),
		"a browser's, nothing":         cancel(t, stranger, browserID, `{}`),
		"a browser's, with a verifier": cancel(t, stranger, browserID, `{"code_verifier":"`+app.Verifier+`"}`),
		"no such login":                cancel(t, stranger, strings.Repeat("A", 43), `{}`),
	} {
		if answer.Status != http.StatusNotFound {
			t.Errorf("cancelling with %s: %d", name, answer.Status)
		}
	}
	for _, target := range []string{
		"/callback?error=access_denied&state=" + url.QueryEscape(browserState),
		"/callback?error=access_denied&state=" + url.QueryEscape(state),
		"/app/callback?error=access_denied&state=" + url.QueryEscape(state),
		"/sessions/" + browserID + "/cancel", "/sessions/" + app.SessionID + "/cancel",
	} {
		stranger.get(logintest.Path + target)
	}
	if answer := browser.submit("/sessions/"+browserID+"/cancel", nil, "Origin: https://evil.example\r\n"); answer.Status == http.StatusNoContent {
		t.Error("another site's form cancels")
	}
	if n := e.Signicat.Count("cancel_session"); n != 0 {
		t.Errorf("%d sessions were cancelled at Signicat", n)
	}
	wantRedeemed(t, app, code, state)
	browser.wantFinished(back)
}

func cancel(t *testing.T, b *rawBrowser, id, body string) rawhttptest.Answer {
	t.Helper()
	return b.send(http.MethodPost, logintest.Path+"/sessions/"+id+"/cancel", body, "Origin: "+b.env.URL+"\r\n", "Content-Type: application/json\r\n")
}

// badFinishes are malformed finishes of an app. BODY stands for the correct form, CODE, STATE and VERIFIER for its
// values.
var badFinishes = []struct {
	name, lines, body string
	status            int
}{
	{"code twice", form, "BODY&code=CODE", 400},
	{"code twice, another one first", form, "code=x&BODY", 400},
	{"state twice", form, "BODY&state=STATE", 400},
	{"verifier twice", form, "BODY&code_verifier=VERIFIER", 400},
	{"verifier twice, one empty", form, "code_verifier=&BODY", 400},
	{"grant type twice", form, "BODY&grant_type=authorization_code", 400},
	{"code twice, one escaped", form, "BODY&c%6fde=x", 400},
	{"semicolons", form, "grant_type=authorization_code;code=CODE;state=STATE;code_verifier=VERIFIER", 400},
	{"a broken escape", form, "BODY&x=%zz", 400},
	{"no code", form, "grant_type=authorization_code&state=STATE&code_verifier=VERIFIER", 400},
	{"no state", form, "grant_type=authorization_code&code=CODE&code_verifier=VERIFIER", 400},
	{"another grant", form, "grant_type=password&code=CODE&state=STATE&code_verifier=VERIFIER", 400},
	{"another client", form, "BODY&client_id=evil", 401},
	{"another client by Basic", form + "Authorization: Basic ZXZpbDo=\r\n", "BODY", 401},
	{"a client with a secret", form + "Authorization: Basic YXBwLmV4YW1wbGUuYmU6c2VjcmV0" + "\r\n", "BODY", 401},
	{"two clients", form + "Authorization: Basic ZXZpbDo=\r\nAuthorization: Basic ZXZpbDo=\r\n", "BODY", 400},
	{"another redirect URL", form, "BODY&redirect_uri=https%3A%2F%2Fevil.example", 400},
	{"state in another case", form, "grant_type=authorization_code&code=CODE&state=SWAPPED&code_verifier=VERIFIER", 400},
	{"state and more", form, "grant_type=authorization_code&code=CODE&state=STATE%00&code_verifier=VERIFIER", 400},
	{"state and a newline", form, "grant_type=authorization_code&code=CODE&state=STATE%0A&code_verifier=VERIFIER", 400},
	{"a state of 10 kB", form, "grant_type=authorization_code&code=CODE&state=STATE" + strings.Repeat("A", 10<<10) + "&code_verifier=VERIFIER", 400},
	{"a code of 10 kB", form, "grant_type=authorization_code&code=CODE" + strings.Repeat("A", 10<<10) + "&state=STATE&code_verifier=VERIFIER", 400},
	{"17 kB", form, "BODY&x=" + strings.Repeat("A", 17<<10), 413},
	{"JSON", "Content-Type: application/json\r\n", `{"grant_type":"authorization_code","code":"CODE","state":"STATE","code_verifier":"VERIFIER"}`, 415},
	{"a form declared as text", "Content-Type: text/plain\r\n", "BODY", 415},
	{"a form without a media type", "", "BODY", 415},
	{"a form with two media types", form + "Content-Type: text/plain\r\n", "BODY", 415},
	{"a form in parts", "Content-Type: multipart/form-data; boundary=x\r\n", "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nCODE\r\n--x--\r\n", 415},
	{"an empty form", form, "", 400},
	{"early data", form + "Early-Data: 1\r\n", "BODY", 425},
}

const form = "Content-Type: application/x-www-form-urlencoded\r\n"

// TestMalformedFinishConsumesNothing has an attacker who saw an app's redirect URL, or a proxy that alters
// requests, send forms that two servers read differently. Signicat gets no call, and the app can still finish.
func TestMalformedFinishConsumesNothing(t *testing.T) {
	e := newLoginEnv(t, "limit {\nsessions_per_client 1000 1m\n}")
	for _, row := range badFinishes {
		t.Run(row.name, func(t *testing.T) {
			app := e.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			right := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}
			body := strings.NewReplacer("BODY", right.Encode(), "CODE", code, "STATE", url.QueryEscape(state),
				"SWAPPED", url.QueryEscape(swapCase(state)), "VERIFIER", app.Verifier).Replace(row.body)
			before := e.Counts()
			answer := e.browser(t).send(http.MethodPost, logintest.Path+"/token", body, row.lines)
			if answer.Status != row.status || strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
				t.Errorf("got %d, want %d", answer.Status, row.status)
			}
			for _, target := range []string{"/token?", "/token/?"} { // no endpoint reads the query
				e.browser(t).send(http.MethodPost, logintest.Path+target+right.Encode(), "", form)
				e.browser(t).get(logintest.Path + target + right.Encode())
			}
			if n := e.Sent(before, "validate_code"); n != 0 {
				t.Errorf("%d codes were sent", n)
			}
			wantRedeemed(t, app, code, state)
		})
	}
}

// TestMalformedCallbackConsumesNothing sends the same malformed values in a browser's redirect URL, with and
// without the cookie of the login.
func TestMalformedCallbackConsumesNothing(t *testing.T) {
	e := newLoginEnv(t, "limit {\nsessions_per_client 1000 1m\n}")
	for name, query := range map[string]string{
		"code twice":               "code=CODE&state=STATE&code=CODE",
		"another code first":       "code=x&code=CODE&state=STATE",
		"state twice":              "code=CODE&state=STATE&state=x",
		"error twice":              "error=access_denied&state=STATE&error=x",
		"state in another case":    "code=CODE&state=SWAPPED",
		"state and more":           "code=CODE&state=STATE%00",
		"no state":                 "code=CODE",
		"an error without a state": "error=access_denied",
		"a broken escape":          "code=CODE&state=STATE&x=%zz",
		"semicolons":               "code=CODE;state=STATE",
		"a code of 10 kB":          "code=CODE" + strings.Repeat("A", 10<<10) + "&state=STATE",
		"a state of 10 kB":         "code=CODE&state=STATE" + strings.Repeat("A", 10<<10),
	} {
		t.Run(name, func(t *testing.T) {
			browser, stranger := e.browser(t), e.browser(t)
			back, code, state := e.approved(t, browser.start("/account"))
			target := logintest.Path + "/callback?" + strings.NewReplacer(
				"CODE", code, "STATE", url.QueryEscape(state), "SWAPPED", url.QueryEscape(swapCase(state))).Replace(query)
			before := e.Counts()
			for _, b := range []*rawBrowser{stranger, browser} {
				answer := b.get(target)
				if answer.Status != http.StatusBadRequest || strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
					t.Errorf("got %d", answer.Status)
				}
			}
			for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut} {
				if answer := browser.send(method, back, "", "Origin: "+e.URL+"\r\n"); answer.Status != http.StatusMethodNotAllowed {
					t.Errorf("%s: %d", method, answer.Status)
				}
			}
			browser.get(back, "Early-Data: 1\r\n")
			if n := e.Sent(before, "validate_code") + e.Sent(before, "cancel_session"); n != 0 {
				t.Errorf("Signicat got %d calls", n)
			}
			browser.wantFinished(back)
		})
	}
}
