package attack_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// TestCancelFromElsewhereChangesNothing has a stranger who knows a login's session_id or state end it
// for its owner, who would be asked by itsme for nothing.
func TestCancelFromElsewhereChangesNothing(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	app, browser, stranger := h.NewApp(), h.visitor(), h.visitor()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, _, browserState := h.approved(t, browser.start(t))
	stranger.start(t)
	browserID := gateway.SessionID(browserState)
	for name, answer := range map[string]rawhttptest.Answer{
		"nothing":                      cancel(t, stranger, app.SessionID, `{}`),
		"a wrong verifier":             cancel(t, stranger, app.SessionID, `{"code_verifier":"`+h.NewApp().Verifier+`"}`),
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
		stranger.get(t, logintest.Path+target)
	}
	browser.origin = "https://evil.example"
	if answer := browser.post(t, logintest.Path+"/sessions/"+browserID+"/cancel", ""); answer.Status == http.StatusNoContent {
		t.Error("another site's form cancels")
	}
	if n := h.Signicat.Count("cancel_session"); n != 0 {
		t.Errorf("%d sessions were cancelled at Signicat", n)
	}
	wantRedeemed(t, app, code, state)
	browser.wantFinished(t, back)
}

func cancel(t *testing.T, v *visitor, id, body string) rawhttptest.Answer {
	t.Helper()
	return v.send(t, http.MethodPost, logintest.Path+"/sessions/"+id+"/cancel", body, "Origin: "+v.origin+"\r\n",
		"Content-Type: application/json\r\n", "Content-Length: "+strconv.Itoa(len(body))+"\r\n")
}

// badFinishes are finishes of an app that are refused for their form. In each, BODY is the right
// form, CODE, STATE and VERIFIER are its values.
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
	{"another client", form, "BODY&client_id=evil", 400},
	{"another redirect URL", form, "BODY&redirect_uri=https%3A%2F%2Fevil.example", 400},
	{"state in another case", form, "grant_type=authorization_code&code=CODE&state=SWAPPED&code_verifier=VERIFIER", 400},
	{"state and more", form, "grant_type=authorization_code&code=CODE&state=STATE%00&code_verifier=VERIFIER", 400},
	{"state and a newline", form, "grant_type=authorization_code&code=CODE&state=STATE%0A&code_verifier=VERIFIER", 400},
	{"a state of 10 kB", form, "grant_type=authorization_code&code=CODE&state=STATE" + strings.Repeat("A", 10<<10) + "&code_verifier=VERIFIER", 400},
	{"a code of 10 kB", form, "grant_type=authorization_code&code=CODE" + strings.Repeat("A", 10<<10) + "&state=STATE&code_verifier=VERIFIER", 400},
	{"17 kB", form, "BODY&x=" + strings.Repeat("A", 17<<10), 413},
	{"JSON", "Content-Type: application/json\r\n", `{"grant_type":"authorization_code","code":"CODE","state":"STATE","code_verifier":"VERIFIER"}`, 415},
	{"a form that says that it is text", "Content-Type: text/plain\r\n", "BODY", 415},
	{"a form that says nothing", "", "BODY", 415},
	{"a form that says two things", form + "Content-Type: text/plain\r\n", "BODY", 415},
	{"a form in parts", "Content-Type: multipart/form-data; boundary=x\r\n", "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nCODE\r\n--x--\r\n", 415},
	{"an empty form", form, "", 400},
	{"early data", form + "Early-Data: 1\r\n", "BODY", 425},
}

const form = "Content-Type: application/x-www-form-urlencoded\r\n"

// TestMalformedFinishConsumesNothing has an attacker who saw an app's return, or a proxy that mangles
// it, send what one server reads one way and another one the other. Nothing is sent to Signicat, and
// the app's own finish succeeds afterwards.
func TestMalformedFinishConsumesNothing(t *testing.T) {
	h := openTheatre(t, strings.Replace(plainTheatre, "OPTIONS", "OPTIONS\nlimit {\nsessions_per_client 1000 1m\n}", 1))
	for _, row := range badFinishes {
		t.Run(row.name, func(t *testing.T) {
			app := h.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			right := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}
			body := strings.NewReplacer("BODY", right.Encode(), "CODE", code, "STATE", url.QueryEscape(state),
				"SWAPPED", url.QueryEscape(swapCase(state)), "VERIFIER", app.Verifier).Replace(row.body)
			before := h.Counts()
			answer := h.visitor().send(t, http.MethodPost, logintest.Path+"/token", body, row.lines, "Content-Length: "+strconv.Itoa(len(body))+"\r\n")
			if answer.Status != row.status || strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
				t.Errorf("got %d, want %d", answer.Status, row.status)
			}
			for _, target := range []string{"/token?", "/token/?"} { // the query is read by nobody
				h.visitor().send(t, http.MethodPost, logintest.Path+target+right.Encode(), "", form, "Content-Length: 0\r\n")
				h.visitor().get(t, logintest.Path+target+right.Encode())
			}
			if n := h.Sent(before, "validate_code"); n != 0 {
				t.Errorf("%d codes were sent", n)
			}
			wantRedeemed(t, app, code, state)
		})
	}
}

// TestMalformedCallbackConsumesNothing does the same to the browser's return, with and without the
// login's cookie.
func TestMalformedCallbackConsumesNothing(t *testing.T) {
	h := openTheatre(t, strings.Replace(plainTheatre, "OPTIONS", "OPTIONS\nlimit {\nsessions_per_client 1000 1m\n}", 1))
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
			browser, stranger := h.visitor(), h.visitor()
			back, code, state := h.approved(t, browser.start(t))
			target := logintest.Path + "/callback?" + strings.NewReplacer(
				"CODE", code, "STATE", url.QueryEscape(state), "SWAPPED", url.QueryEscape(swapCase(state))).Replace(query)
			before := h.Counts()
			for _, v := range []*visitor{stranger, browser} {
				answer := v.get(t, target)
				if answer.Status != http.StatusBadRequest || strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
					t.Errorf("got %d", answer.Status)
				}
			}
			for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut} {
				if answer := browser.send(t, method, back, "", "Origin: "+h.URL+"\r\nContent-Length: 0\r\n"); answer.Status != http.StatusMethodNotAllowed {
					t.Errorf("%s: %d", method, answer.Status)
				}
			}
			browser.get(t, back, "Early-Data: 1\r\n")
			if n := h.Sent(before, "validate_code") + h.Sent(before, "cancel_session"); n != 0 {
				t.Errorf("Signicat was told %d times", n)
			}
			browser.wantFinished(t, back)
		})
	}
}
