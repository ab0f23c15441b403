package attack_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestCallbackLogsInNobodyWhoDidNotStart has an attacker log in with their own itsme account up to the
// redirect URL, and lead a victim's browser there. A victim who is logged in as the attacker enters personal
// data into the attacker's account.
func TestCallbackLogsInNobodyWhoDidNotStart(t *testing.T) {
	e := newLoginEnv(t)
	attacker := e.browser(t)
	back, code, state := e.approved(t, attacker.start("/account"))

	fresh, busy, known, planted := e.browser(t), e.browser(t), e.browser(t), e.browser(t)
	busy.start("/account")
	for _, name := range attacker.names() {
		planted.plant(name, "t0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	}
	target, _, _ := e.approved(t, known.start("/account"))
	known.wantFinished(target)
	session := known.value("itsme")
	before := e.Counts()
	for name, victim := range map[string]*rawBrowser{"no cookies": fresh, "a login of its own": busy, "a session of its own": known, "a cookie of that name": planted} {
		answer := victim.get(back)
		if answer.Status != http.StatusBadRequest || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, cookies %q", name, answer.Status, answer.Header["Set-Cookie"])
		}
		if strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
			t.Errorf("%s: the answer repeats the code or state", name)
		}
	}
	if fresh.loggedIn() || busy.loggedIn() || planted.loggedIn() || known.value("itsme") != session {
		t.Error("the victim's login changed")
	}
	if n := e.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	attacker.wantFinished(back)
}

// TestCallbackIsNoAppsEither leads the user of an app to the redirect URL of an attacker. The app holds its
// own verifier and not the attacker's.
func TestCallbackIsNoAppsEither(t *testing.T) {
	e := newLoginEnv(t)
	attacker, victim := e.NewApp(), e.NewApp()
	attacker.Start(t)
	victim.Start(t)
	code, state := attacker.Approve(t, "adult")
	before := e.Counts()
	if answer := victim.Redeem(t, code, state); answer.Status != http.StatusBadRequest || answer.Text("error") != "invalid_grant" {
		t.Errorf("got %d %s", answer.Status, answer.Text("error"))
	}
	if n := e.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	wantRedeemed(t, attacker, code, state)
	code, state = victim.Approve(t, "adult")
	wantRedeemed(t, victim, code, state)
}

// TestStolenCodeBuysNothing has a thief read an app's redirect URL, in a log, in a history, or with an app
// that claims the same link. The thief presents the code in every way but with the verifier.
func TestStolenCodeBuysNothing(t *testing.T) {
	e := newLoginEnv(t)
	app, thief := e.NewApp(), e.NewApp()
	app.Start(t)
	thief.Start(t)
	code, state := app.Approve(t, "adult")
	before := e.Counts()
	for name, verifier := range map[string]string{
		"none": "", "the challenge": app.Challenge(), "the thief's own": thief.Verifier, "the state": state[:43], "the code": code,
		"the session_id": app.SessionID, "too long": strings.Repeat(app.Verifier, 3), "with a blank": app.Verifier + " ", "in another case": swapCase(app.Verifier),
	} {
		answer := thief.Post(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {verifier}})
		if answer.Status != http.StatusBadRequest || answer.Text("access_token") != "" {
			t.Errorf("verifier %s: %d", name, answer.Status)
		}
	}
	browser := e.browser(t)
	browser.plant("itsme-l-"+app.SessionID[:8], app.Verifier)
	query := "?code=" + code + "&state=" + url.QueryEscape(state)
	for _, path := range []string{"/callback", "/app/callback"} {
		if answer := browser.get(logintest.Path + path + query); answer.Header.Get("Set-Cookie") != "" || answer.Status == http.StatusSeeOther {
			t.Errorf("%s: %d", path, answer.Status)
		}
	}
	if n := e.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent for the thief", n)
	}
	wantRedeemed(t, app, code, state)
}

// wrongCode has the form of a code of itsme, and is the code of no login.
var wrongCode = strings.Repeat("a", 36)

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
}

// TestBrowsersLoginIsNeverFinishedAsAnApps presents a browser's code at the endpoint for apps, with the value
// of the login cookie as the verifier.
func TestBrowsersLoginIsNeverFinishedAsAnApps(t *testing.T) {
	e := newLoginEnv(t)
	browser := e.browser(t)
	back, code, state := e.approved(t, browser.start("/account"))
	before := e.Counts()
	for _, cookie := range browser.cookies {
		_, secret, _ := strings.Cut(cookie.Value, ".")
		for _, verifier := range []string{cookie.Value, secret} {
			app := e.NewApp()
			app.Verifier = verifier
			if answer := app.Redeem(t, code, state); answer.Status != http.StatusBadRequest {
				t.Errorf("got %d", answer.Status)
			}
		}
	}
	if n := e.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	browser.wantFinished(back)
}

// TestStarterWithoutTheCodeGetsNothing has an attacker start logins and send the links to a victim, who
// approves them. The code goes to the victim's phone. The attacker has everything else.
func TestStarterWithoutTheCodeGetsNothing(t *testing.T) {
	e := newLoginEnv(t)
	app, browser, victim := e.NewApp(), e.browser(t), e.browser(t)
	app.Start(t)
	toApp, code, state := e.approved(t, app.Link)
	toBrowser, _, browserState := e.approved(t, browser.start("/account"))
	for _, target := range []string{toApp, toBrowser} {
		if answer := victim.get(target); strings.Contains(answer.Raw, code) || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("the victim's phone shows %d", answer.Status)
		}
	}
	if status := app.Get(t, "/sessions/"+app.SessionID+"?wait=100ms"); status.Text("status") != "pending" {
		t.Errorf("the attacker reads the status %s", status.Body)
	}
	for name, guess := range map[string]string{"none": "", "made up": wrongCode} {
		if answer := app.Redeem(t, guess, state); answer.Status == http.StatusOK {
			t.Errorf("an app with code %s: %d", name, answer.Status)
		}
	}
	answer := browser.get(logintest.Path + "/callback?code=" + wrongCode + "&state=" + url.QueryEscape(browserState))
	if answer.Status != http.StatusBadRequest || browser.loggedIn() {
		t.Errorf("a browser with a made-up code: %d", answer.Status)
	}
	if got := e.upstream.Take(); len(got) != 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestCodesAreNeverSwapped has an attacker log in beside a victim, and present the victim's code with the
// state and verifier of the attacker's own login.
func TestCodesAreNeverSwapped(t *testing.T) {
	e := newLoginEnv(t)
	victim, other := e.NewApp(), e.browser(t)
	victim.Start(t)
	code, state := victim.Approve(t, "adult")
	back, browserCode, _ := e.approved(t, other.start("/account"))
	for name, stolen := range map[string]string{"another app's": code, "a browser's": browserCode} {
		app, browser := e.NewApp(), e.browser(t)
		app.Start(t)
		_, own := app.Approve(t, "bis")
		if answer := app.Redeem(t, stolen, own); answer.Text("error") != "invalid_grant" {
			t.Errorf("an app with %s code: %d %s", name, answer.Status, answer.Text("error"))
		}
		_, _, own = e.approved(t, browser.start("/account"))
		if browser.get(logintest.Path + "/callback?code=" + stolen + "&state=" + url.QueryEscape(own)); browser.loggedIn() {
			t.Errorf("a browser with %s code is logged in", name)
		}
	}
	wantRedeemed(t, victim, code, state)
	other.wantFinished(back)
}

// TestAnotherCodeDoesNotReplaceTheFirst presents a second code with the right verifier while Signicat is
// unavailable and the first code is not settled. A thief of the device does that, or an app that mixes up its
// redirect URLs. The second code would decide the outcome of the first.
func TestAnotherCodeDoesNotReplaceTheFirst(t *testing.T) {
	e := newLoginEnv(t)
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	if err := e.Signicat.Script(signicattest.Fault{Operation: "validate_code", Status: 503, RetryAfter: "10"}); err != nil {
		t.Fatal(err)
	}
	if answer := app.Redeem(t, code, state); answer.Status != http.StatusServiceUnavailable {
		t.Fatalf("while Signicat is unavailable: %d", answer.Status)
	}
	e.Signicat.ClearScript()
	before := e.Counts()
	if answer := app.Redeem(t, wrongCode, state); answer.Text("error") != "invalid_grant" || e.Sent(before, "validate_code") != 0 {
		t.Errorf("another code: %d %s, sent %d times", answer.Status, answer.Text("error"), e.Sent(before, "validate_code"))
	}
	wantRedeemed(t, app, code, state)
}

// TestIssuedTokenIsForItsOwnCodeAlone has a thief hold the secret that binds a login to the device, but not
// the code. For a minute the gateway repeats a lost answer. In that minute another code must not fetch the
// token.
func TestIssuedTokenIsForItsOwnCodeAlone(t *testing.T) {
	e := newLoginEnv(t)
	app, other, browser := e.NewApp(), e.NewApp(), e.browser(t)
	app.Start(t)
	code, state := app.Approve(t, "adult")
	other.Start(t)
	theirs, _ := other.Approve(t, "adult")
	back, browserCode, browserState := e.approved(t, browser.start("/account"))
	thief := browser.copy()
	wantRedeemed(t, app, code, state)
	browser.wantFinished(back)

	before := e.Counts()
	for _, wrong := range []string{wrongCode, theirs, browserCode, strings.ToUpper(code), code + "x", code[1:]} {
		if answer := app.Redeem(t, wrong, state); answer.Status != http.StatusBadRequest || answer.Text("error") != "invalid_grant" || answer.Text("access_token") != "" {
			t.Errorf("another code of an app: %d %s", answer.Status, answer.Text("error"))
		}
	}
	for _, wrong := range []string{wrongCode, theirs, code, browserCode + "x"} {
		query := url.Values{"code": {wrong}, "state": {browserState}}.Encode()
		if answer := thief.get(logintest.Path + "/callback?" + query); answer.Status != http.StatusSeeOther || thief.value("itsme") != "" {
			t.Errorf("another code of a browser: %d", answer.Status)
		}
	}
	if n := e.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	wantRedeemed(t, app, code, state) // the same finish gets the same token
}

// TestFiftyFinishesAreOneLogin presents the same code fifty times at once, as a user who taps twice or an
// attacker who races the user. A second token of one approval would be a token that the user does not know of.
func TestFiftyFinishesAreOneLogin(t *testing.T) {
	e := newLoginEnv(t)
	e.NewApp().Login(t, "adult") // fetches the Signicat access token
	app, browser := e.NewApp(), e.browser(t)
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, _, _ := e.approved(t, browser.start("/account"))
	for name, finish := range map[string]func() string{
		"an app's": func() string { return app.Redeem(t, code, state).Text("access_token") },
		"a browser's": func() string {
			tab := browser.copy()
			tab.get(back)
			return tab.value("itsme")
		},
	} {
		before := e.Counts()
		// All arrive while the first one's code is under way.
		if err := e.Signicat.Script(signicattest.Fault{Operation: "validate_code", Delay: 300 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		tokens := map[string]bool{}
		for range 50 {
			all.Go(func() {
				token := finish()
				mu.Lock()
				defer mu.Unlock()
				tokens[token] = true
			})
		}
		all.Wait()
		delete(tokens, "")
		if codes, reads := e.Sent(before, "validate_code"), e.Sent(before, "read_session"); len(tokens) != 1 || codes != 1 || reads != 1 {
			t.Errorf("%s: %d tokens for %d validations and %d reads", name, len(tokens), codes, reads)
		}
	}
}
