package attack_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestCallbackLogsInNobodyWhoDidNotStart has an attacker log in as themself up to the return, and
// lead a victim's browser to it. Logged in as the attacker, the victim would fill in the attacker's
// account with what is theirs.
func TestCallbackLogsInNobodyWhoDidNotStart(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	attacker := h.visitor()
	back, code, state := h.approved(t, attacker.start(t))

	fresh, busy, known, planted := h.visitor(), h.visitor(), h.visitor(), h.visitor()
	busy.start(t)
	for name := range attacker.cookies {
		planted.cookies[name] = "t0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	}
	target, _, _ := h.approved(t, known.start(t))
	known.wantFinished(t, target)
	session := known.cookies["itsme"]
	before := h.Counts()
	for name, victim := range map[string]*visitor{"no cookies": fresh, "a login of their own": busy, "a session of their own": known, "a cookie of that name": planted} {
		answer := victim.get(t, back)
		if answer.Status != http.StatusBadRequest || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, cookies %q", name, answer.Status, answer.Header["Set-Cookie"])
		}
		if strings.Contains(answer.Raw, code) || strings.Contains(answer.Raw, state) {
			t.Errorf("%s: the answer carries the code or state on", name)
		}
	}
	if fresh.loggedIn(t) || busy.loggedIn(t) || planted.loggedIn(t) || known.cookies["itsme"] != session {
		t.Error("the victim is somebody else now")
	}
	if n := h.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent for nobody", n)
	}
	attacker.wantFinished(t, back)
}

// TestCallbackIsNoAppsEither leads an app's user to the return of an attacker: the app holds a
// verifier of its own, and nothing of the attacker's.
func TestCallbackIsNoAppsEither(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	attacker, victim := h.NewApp(), h.NewApp()
	attacker.Start(t)
	victim.Start(t)
	code, state := attacker.Approve(t, "adult")
	before := h.Counts()
	if answer := victim.Redeem(t, code, state); answer.Status != http.StatusBadRequest || answer.Text("error") != "invalid_grant" {
		t.Errorf("got %d %s", answer.Status, answer.Text("error"))
	}
	if n := h.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent for nobody", n)
	}
	wantRedeemed(t, attacker, code, state)
	code, state = victim.Approve(t, "adult")
	wantRedeemed(t, victim, code, state)
}

// TestStolenCodeBuysNothing has a thief see the redirect URL of an app, in a log, a history or an
// app that claims the same link, and present it in every way but with the verifier.
func TestStolenCodeBuysNothing(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	app, thief := h.NewApp(), h.NewApp()
	app.Start(t)
	thief.Start(t)
	code, state := app.Approve(t, "adult")
	before := h.Counts()
	for name, verifier := range map[string]string{
		"none": "", "the challenge": app.Challenge(), "the thief's own": thief.Verifier, "the state": state[:43], "the code": code,
		"the session_id": app.SessionID, "too long": strings.Repeat(app.Verifier, 3), "with a blank": app.Verifier + " ", "in another case": swapCase(app.Verifier),
	} {
		answer := thief.Post(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {verifier}})
		if answer.Status != http.StatusBadRequest || answer.Text("access_token") != "" {
			t.Errorf("verifier %s: %d", name, answer.Status)
		}
	}
	browser := h.visitor()
	browser.cookies["itsme-l-"+app.SessionID[:8]] = app.Verifier
	query := "?code=" + code + "&state=" + url.QueryEscape(state)
	for _, path := range []string{"/callback", "/app/callback"} {
		if answer := browser.get(t, logintest.Path+path+query); answer.Header.Get("Set-Cookie") != "" || answer.Status == http.StatusSeeOther {
			t.Errorf("%s: %d", path, answer.Status)
		}
	}
	if n := h.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent for the thief", n)
	}
	wantRedeemed(t, app, code, state)
}

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

// TestBrowsersLoginIsNeverFinishedAsAnApps presents a browser's return at the apps' endpoint, with
// the login cookie in the place of the verifier.
func TestBrowsersLoginIsNeverFinishedAsAnApps(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	browser := h.visitor()
	back, code, state := h.approved(t, browser.start(t))
	before := h.Counts()
	for _, value := range browser.cookies {
		_, secret, _ := strings.Cut(value, ".")
		for _, verifier := range []string{value, secret} {
			app := h.NewApp()
			app.Verifier = verifier
			if answer := app.Redeem(t, code, state); answer.Status != http.StatusBadRequest {
				t.Errorf("got %d", answer.Status)
			}
		}
	}
	if n := h.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	browser.wantFinished(t, back)
}

// TestStarterWithoutTheCodeGetsNothing has an attacker start logins and send the links to a victim,
// who approves. The code goes to the victim's phone; the attacker has everything else.
func TestStarterWithoutTheCodeGetsNothing(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	app, browser, victim := h.NewApp(), h.visitor(), h.visitor()
	app.Start(t)
	toApp, code, state := h.approved(t, app.Link)
	toBrowser, _, browserState := h.approved(t, browser.start(t))
	for _, target := range []string{toApp, toBrowser} {
		if answer := victim.get(t, target); strings.Contains(answer.Raw, code) || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("the victim's phone shows %d", answer.Status)
		}
	}
	if status := app.Get(t, "/sessions/"+app.SessionID+"?wait=100ms"); status.Text("status") != "pending" {
		t.Errorf("the attacker is told %s", status.Body)
	}
	for name, guess := range map[string]string{"none": "", "made up": wrongCode} {
		if answer := app.Redeem(t, guess, state); answer.Status == http.StatusOK {
			t.Errorf("an app with code %s: %d", name, answer.Status)
		}
	}
	answer := browser.get(t, logintest.Path+"/callback?code="+wrongCode+"&state="+url.QueryEscape(browserState))
	if answer.Status != http.StatusBadRequest || browser.loggedIn(t) {
		t.Errorf("a browser with a made-up code: %d", answer.Status)
	}
	if got := h.bytes.Take(); len(got) != 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestCodesAreNeverSwapped has an attacker log in beside a victim, and present the victim's code as
// that of the attacker's own login, on one device or over two.
func TestCodesAreNeverSwapped(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	victim, other := h.NewApp(), h.visitor()
	victim.Start(t)
	code, state := victim.Approve(t, "adult")
	back, browserCode, _ := h.approved(t, other.start(t))
	for name, stolen := range map[string]string{"another app's": code, "a browser's": browserCode} {
		app, browser := h.NewApp(), h.visitor()
		app.Start(t)
		_, own := app.Approve(t, "bis")
		if answer := app.Redeem(t, stolen, own); answer.Text("error") != "invalid_grant" {
			t.Errorf("an app with %s code: %d %s", name, answer.Status, answer.Text("error"))
		}
		_, _, own = h.approved(t, browser.start(t))
		if browser.get(t, logintest.Path+"/callback?code="+stolen+"&state="+url.QueryEscape(own)); browser.loggedIn(t) {
			t.Errorf("a browser with %s code is logged in", name)
		}
	}
	wantRedeemed(t, victim, code, state)
	other.wantFinished(t, back)
}

// TestAnotherCodeDoesNotReplaceTheFirst has the app's own verifier used with a second code while the
// first is not settled, because Signicat is away: by whoever got hold of the device, or by an app that
// mixes up its returns. The second would decide what becomes of the first.
func TestAnotherCodeDoesNotReplaceTheFirst(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	app := h.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	if err := h.Signicat.Script(signicattest.Fault{Operation: "validate_code", Status: 503, RetryAfter: "10"}); err != nil {
		t.Fatal(err)
	}
	if answer := app.Redeem(t, code, state); answer.Status != http.StatusServiceUnavailable {
		t.Fatalf("while Signicat is away: %d", answer.Status)
	}
	h.Signicat.ClearScript()
	before := h.Counts()
	if answer := app.Redeem(t, wrongCode, state); answer.Text("error") != "invalid_grant" || h.Sent(before, "validate_code") != 0 {
		t.Errorf("another code: %d %s, sent %d times", answer.Status, answer.Text("error"), h.Sent(before, "validate_code"))
	}
	wantRedeemed(t, app, code, state)
}

// TestIssuedTokenIsForItsOwnCodeAlone has a thief hold what binds a login to the device, and no code:
// within the minute in which a lost answer is sent again, any other code would fetch the token.
func TestIssuedTokenIsForItsOwnCodeAlone(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	app, other, browser := h.NewApp(), h.NewApp(), h.visitor()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	other.Start(t)
	theirs, _ := other.Approve(t, "adult")
	back, browserCode, browserState := h.approved(t, browser.start(t))
	thief := &visitor{theatre: h, cookies: maps.Clone(browser.cookies)}
	wantRedeemed(t, app, code, state)
	browser.wantFinished(t, back)

	before := h.Counts()
	for _, wrong := range []string{wrongCode, theirs, browserCode, strings.ToUpper(code), code + "x", code[1:]} {
		if answer := app.Redeem(t, wrong, state); answer.Status != http.StatusBadRequest || answer.Text("error") != "invalid_grant" || answer.Text("access_token") != "" {
			t.Errorf("another code of an app: %d %s", answer.Status, answer.Text("error"))
		}
	}
	for _, wrong := range []string{wrongCode, theirs, code, browserCode + "x"} {
		query := url.Values{"code": {wrong}, "state": {browserState}}.Encode()
		if answer := thief.get(t, logintest.Path+"/callback?"+query); answer.Status != http.StatusBadRequest || thief.cookies["itsme"] != "" {
			t.Errorf("another code of a browser: %d", answer.Status)
		}
	}
	if n := h.Sent(before, "validate_code"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	wantRedeemed(t, app, code, state) // the same finish fetches the same token
}

// TestFiftyFinishesAreOneLogin presents the same return fifty times at once, as a person who taps
// twice or an attacker who races them. Two tokens of one approval would be one that nobody knows of.
func TestFiftyFinishesAreOneLogin(t *testing.T) {
	h := openTheatre(t, plainTheatre)
	h.NewApp().Login(t, "adult") // Signicat is known
	app, browser := h.NewApp(), h.visitor()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, _, _ := h.approved(t, browser.start(t))
	for name, finish := range map[string]func() string{
		"an app's": func() string { return app.Redeem(t, code, state).Text("access_token") },
		"a browser's": func() string {
			tab := &visitor{theatre: h, cookies: map[string]string{}}
			for cookie, value := range browser.cookies {
				tab.cookies[cookie] = value
			}
			tab.get(t, back)
			return tab.cookies["itsme"]
		},
	} {
		before := h.Counts()
		// All come while the first one's code is under way.
		if err := h.Signicat.Script(signicattest.Fault{Operation: "validate_code", Delay: 300 * time.Millisecond}); err != nil {
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
		if codes, reads := h.Sent(before, "validate_code"), h.Sent(before, "read_session"); len(tokens) != 1 || codes != 1 || reads != 1 {
			t.Errorf("%s: %d tokens for %d validations and %d reads", name, len(tokens), codes, reads)
		}
	}
}
