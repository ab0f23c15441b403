package logintest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// refreshing lets logins be refreshed for ten days.
var refreshing = Options{Refresh: 240 * time.Hour}

var refreshScenarios = []Scenario{
	{"refresh: a refresh token is exchanged for the next access token", refreshing, refreshSuccess},
	{"refresh: of a hundred uses at once all get the same successor", refreshing, refreshRace},
	{"refresh: an answer that was lost is given again", refreshing, refreshAgain},
	{"refresh: an old token ends the login for every client", refreshing, refreshReuse},
	{"refresh: a made-up token changes nothing", refreshing, refreshForged},
	{"refresh: logout and revocation end it", refreshing, refreshRevoked},
	{"refresh: off by default", Options{}, refreshOff},
	{"revoke: an access token alone is refused", Options{}, revokeAccess},
}

// timedRefreshScenarios need a clock that can be moved.
var timedRefreshScenarios = []Scenario{
	{"refresh: an answer that was lost is given again later, three times in a day", refreshing, refreshLate},
	{"refresh: repeats in a row count once for each half minute", refreshing, refreshInARow},
	{"refresh: a repeat gets another access token when the first is nearly over", refreshing, refreshSpent},
	{"refresh: the login ends at its cap, whatever is refreshed", refreshing, refreshCap},
	{"refresh: a browser's login slides while it is used", refreshing, refreshSlides},
	{"refresh: a copied cookie ends the login once the browser has moved on", refreshing, refreshThief},
}

// refreshable logs a persona in and returns the first pair of tokens.
func refreshable(t *testing.T, app *App) (access, refresh string) {
	t.Helper()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	answer := app.Redeem(t, code, state)
	if answer.Status != http.StatusOK || answer.Text("refresh_token") == "" {
		t.Fatalf("redeeming: %d %s", answer.Status, answer.Body)
	}
	if again := app.Redeem(t, code, state); again.Text("refresh_token") != answer.Text("refresh_token") {
		t.Errorf("the same finish got another refresh token")
	}
	return answer.Text("access_token"), answer.Text("refresh_token")
}

// Refresh exchanges a refresh token.
func (a *App) Refresh(t *testing.T, token string) Answer {
	t.Helper()
	return a.Post(t, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func refreshSuccess(t *testing.T, e *Env) {
	app := e.NewApp()
	access, refresh := refreshable(t, app)
	before := e.Counts()
	next := app.Refresh(t, refresh)
	if next.Status != http.StatusOK || next.Text("token_type") != "Bearer" {
		t.Fatalf("refreshing: %d %s", next.Status, next.Body)
	}
	if next.Text("access_token") == access || next.Text("refresh_token") == refresh {
		t.Error("a token is the same as before")
	}
	first, second := claims(t, access), claims(t, next.Text("access_token"))
	for _, name := range []string{"sub", "auth_time", "acr", "name", "birthdate", "client_id", "aud", "iss"} {
		if first[name] != second[name] {
			t.Errorf("%s was %v and is %v", name, first[name], second[name])
		}
	}
	login, _, _ := strings.Cut(second["jti"].(string), ".")
	if first["jti"] == second["jti"] || login != first["jti"] {
		t.Errorf("jti was %v and is %v", first["jti"], second["jti"])
	}
	for _, token := range []string{access, next.Text("access_token")} {
		wantAnswer(t, "calling", app.Call(t, "/api", token), http.StatusOK)
	}
	for _, operation := range operations {
		e.wantSent(t, before, operation, 0)
	}
}

func refreshRace(t *testing.T, e *Env) {
	app := e.NewApp()
	_, refresh := refreshable(t, app)
	answers := make([]Answer, 100)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = app.Refresh(t, refresh) })
	}
	all.Wait()
	for _, a := range answers {
		if a.Status != http.StatusOK || a.Text("refresh_token") != answers[0].Text("refresh_token") ||
			a.Text("access_token") != answers[0].Text("access_token") {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
	}
}

func refreshAgain(t *testing.T, e *Env) {
	app := e.NewApp()
	_, refresh := refreshable(t, app)
	first, again := app.Refresh(t, refresh), app.Refresh(t, refresh)
	if again.Status != http.StatusOK || first.Text("refresh_token") != again.Text("refresh_token") ||
		first.Text("access_token") != again.Text("access_token") {
		t.Errorf("first %d, again %d %s", first.Status, again.Status, again.Body)
	}
	wantAnswer(t, "the successor", app.Refresh(t, again.Text("refresh_token")), http.StatusOK)
}

func refreshReuse(t *testing.T, e *Env) {
	app := e.NewApp()
	access, first := refreshable(t, app)
	second := app.Refresh(t, first).Text("refresh_token")
	third := app.Refresh(t, second)
	// The successor was used, so the client with the first one has a copy.
	wantError(t, app.Refresh(t, first), http.StatusBadRequest, "invalid_grant")
	wantError(t, app.Refresh(t, third.Text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	for _, token := range []string{access, third.Text("access_token")} {
		wantAnswer(t, "a token of the login still works", app.Call(t, "/api", token), http.StatusUnauthorized)
	}
}

func refreshForged(t *testing.T, e *Env) {
	app := e.NewApp()
	access, refresh := refreshable(t, app)
	parts := strings.Split(refresh, "~")
	for name, forged := range map[string]string{
		"the next number":  parts[0] + "~2~" + parts[2],
		"a far number":     parts[0] + "~999999~" + parts[2],
		"another mark":     parts[0] + "~1~" + strings.Repeat("A", len(parts[2])),
		"no mark":          parts[0] + "~1~",
		"an access token":  access,
		"a huge one":       parts[0] + "~1~" + strings.Repeat("A", 10_000),
		"a negative one":   parts[0] + "~-1~" + parts[2],
		"of another login": "AAAAAAAAAAAAAAAAAAAAAA~1~" + parts[2],
	} {
		if got := app.Refresh(t, forged); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	wantAnswer(t, "the genuine one", app.Refresh(t, refresh), http.StatusOK)
}

func refreshRevoked(t *testing.T, e *Env) {
	for name, end := range map[string]func(app *App, access, refresh string) Answer{
		"logout": func(app *App, access, _ string) Answer { return app.Logout(t, access) },
		"revocation": func(app *App, _, refresh string) Answer {
			return app.Post(t, "/revoke", url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}})
		},
	} {
		app := e.NewApp()
		access, refresh := refreshable(t, app)
		if got := end(app, access, refresh); got.Status >= 300 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		wantError(t, app.Refresh(t, refresh), http.StatusBadRequest, "invalid_grant")
		if got := app.Call(t, "/api", access); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: the access token still works: %d", name, got.Status)
		}
	}
}

func refreshOff(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	if answer := app.Redeem(t, code, state); answer.Text("refresh_token") != "" {
		t.Errorf("a refresh token: %s", answer.Body)
	}
	wantError(t, app.Refresh(t, "login~1~mark"), http.StatusBadRequest, "unsupported_grant_type")
}

func revokeAccess(t *testing.T, e *Env) {
	app, other := e.NewApp(), e.NewApp()
	token, spared := app.Login(t, "adult"), other.Login(t, "adult")
	for _, form := range []url.Values{{"token": {"unknown"}}, {"token": {token}}, {"token": {token}}} {
		if got := app.Post(t, "/revoke", form); got.Status != http.StatusOK || got.Body != "" {
			t.Errorf("revoking: %d %s", got.Status, got.Body)
		}
	}
	wantAnswer(t, "the revoked token still works", app.Call(t, "/api", token), http.StatusUnauthorized)
	wantAnswer(t, "another login of the person", app.Call(t, "/api", spared), http.StatusOK)
	wantError(t, app.Post(t, "/revoke", url.Values{}), http.StatusBadRequest, "invalid_request")
}

// refreshLate has an app that was closed in a tunnel each time.
func refreshLate(t *testing.T, e *Env) {
	app := e.NewApp()
	access, token := refreshable(t, app)
	second := app.Refresh(t, token)
	for range 3 {
		e.pass(31 * time.Second)
		again := app.Refresh(t, token)
		if again.Text("refresh_token") != second.Text("refresh_token") || again.Text("access_token") != second.Text("access_token") {
			t.Fatalf("first %s, later %d %s", second.Body, again.Status, again.Body)
		}
		if left := again.JSON["expires_in"].(float64); left > second.JSON["expires_in"].(float64)-31 {
			t.Errorf("expires_in is %v", left)
		}
	}
	e.pass(31 * time.Second)
	wantError(t, app.Refresh(t, token), http.StatusBadRequest, "invalid_grant")
	wantError(t, app.Refresh(t, second.Text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	for _, token := range []string{access, second.Text("access_token")} {
		wantAnswer(t, "a token of the login still works", app.Call(t, "/api", token), http.StatusUnauthorized)
	}

	app = e.NewApp()
	_, token = refreshable(t, app)
	for range 10 { // eight hours apart
		e.pass(8 * time.Hour)
		app.Refresh(t, token)
		e.pass(31 * time.Second)
		again := app.Refresh(t, token)
		if again.Status != http.StatusOK {
			t.Fatalf("three late repeats in a day: %d %s", again.Status, again.Body)
		}
		token = again.Text("refresh_token")
	}
}

func refreshInARow(t *testing.T, e *Env) {
	app := e.NewApp()
	_, token := refreshable(t, app)
	app.Refresh(t, token)
	for range 3 {
		e.pass(31 * time.Second)
		for range 20 {
			wantAnswer(t, "a repeat", app.Refresh(t, token), http.StatusOK)
			e.pass(29 * time.Second)
		}
	}
	e.pass(2 * time.Second)
	wantError(t, app.Refresh(t, token), http.StatusBadRequest, "invalid_grant")
}

func refreshSpent(t *testing.T, e *Env) {
	app := e.NewApp()
	_, token := refreshable(t, app)
	first := app.Refresh(t, token)
	e.pass(14*time.Minute + 30*time.Second) // of fifteen
	again := app.Refresh(t, token)
	if again.Text("refresh_token") != first.Text("refresh_token") || again.Text("access_token") == first.Text("access_token") {
		t.Errorf("first %s, again %d %s", first.Body, again.Status, again.Body)
	}
	if left, _ := again.JSON["expires_in"].(float64); left < 14*60 {
		t.Errorf("the new access token is valid for %v s", left)
	}
}

func refreshCap(t *testing.T, e *Env) {
	app := e.NewApp()
	_, refresh := refreshable(t, app)
	for range 9 {
		e.pass(24 * time.Hour)
		next := app.Refresh(t, refresh)
		if next.Status != http.StatusOK {
			t.Fatalf("refreshing: %d %s", next.Status, next.Body)
		}
		refresh = next.Text("refresh_token")
	}
	e.pass(24*time.Hour - time.Minute)
	last := app.Refresh(t, refresh)
	if expiresIn, _ := last.JSON["expires_in"].(float64); last.Status != http.StatusOK || expiresIn > 60 {
		t.Errorf("a minute before its end the login gets %d %s", last.Status, last.Body)
	}
	e.pass(2 * time.Minute)
	wantError(t, app.Refresh(t, last.Text("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

// refreshSlides: the cookie lives eight hours.
func refreshSlides(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	wantAnswer(t, "logging in", b.Login(t, "/", "adult"), http.StatusOK)
	for range 20 {
		e.pass(5 * time.Hour)
		wantAnswer(t, "the login did not slide", b.Navigate(t, "/"), http.StatusOK)
		if got := b.Navigate(t, "/"); len(got.Header["Set-Cookie"]) != 0 {
			t.Errorf("it slides with every request: %v", got.Header["Set-Cookie"])
		}
	}
	// Ten days after the login it is over, however much it was used.
	for range 30 {
		e.pass(5 * time.Hour)
		b.Navigate(t, "/")
	}
	wantAnswer(t, "the login goes on beyond its cap", b.Navigate(t, "/"), http.StatusSeeOther)
}

func refreshThief(t *testing.T, e *Env) {
	b, thief := e.NewBrowser(t), e.NewBrowser(t)
	b.Login(t, "/", "adult")
	thief.steal(t, b)
	e.pass(5 * time.Hour)
	for range 2 { // the first gets the next cookie, the second sends it
		wantAnswer(t, "the browser", b.Navigate(t, "/"), http.StatusOK)
	}
	e.pass(time.Minute)
	for name, copied := range map[string]*Browser{"the thief": thief, "the browser": b} {
		thief.Navigate(t, "/")
		if got := copied.Navigate(t, "/"); got.Status != http.StatusSeeOther {
			t.Errorf("%s is still logged in: %d", name, got.Status)
		}
	}
}
