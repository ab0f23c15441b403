package logintest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	requireHigh    = Options{Require: Require{LoA: "high"}}
	requireAdult   = Options{Require: Require{MinAge: 18}}
	requireFresh   = Options{Require: Require{LoA: "substantial", MaxAge: 5 * time.Minute}, Refresh: 240 * time.Hour}
	requireBelgian = Options{Require: Require{Claim: "nationality", Values: []string{"belge", "Belg"}}, Attributes: []string{"nationality"}}
)

var requireScenarios = []Scenario{
	{"require: an app logs in again at the required level and passes", requireHigh, requireApp},
	{"require: a browser logs in again at that level and passes", requireHigh, requireBrowser},
	{"require: a browser that cannot reach the level sees a page, and no loop", requireHigh, requireNoLoop},
	{"require: a browser's first login is at the level", requireHigh, requireFirst},
	{"require: only a browser's navigation is sent to log in", requireHigh, requireAPI},
	{"require: beside a bearer token the cookie changes nothing", requireHigh, requireBearer},
	{"require: a user who is too young, or has no birth date, is refused", requireAdult, requireAge},
	{"require: a claim has one of the values", requireBelgian, requireClaim},
	{"require: the gateway's own endpoints ask for nothing", requireHigh, requireOwn},
	{"require: a browser is in no loop where the level is too low", requireHigh, requireEnds},
	{"require: a browser is in no loop where the user is too young", requireAdult, requireEnds},
	{"require: a browser is in no loop where a claim is missing", requireBelgian, requireEnds},
	{"require: a browser is in no loop where nothing is required", Options{}, requireEnds},
}

// timedRequireScenarios need a clock that can be moved.
var timedRequireScenarios = []Scenario{
	{"require: an app logs in again when its login is too old, and no refresh helps", requireFresh, requireFreshApp},
	{"require: a browser logs in again when its login is too old", requireFresh, requireFreshBrowser},
}

// LoginAs is Login with more members in the start, such as acr_values.
func (a *App) LoginAs(t *testing.T, persona string, more map[string]any) Answer {
	t.Helper()
	a.Verifier = randomText()
	body := map[string]any{"code_challenge": a.Challenge()}
	for name, value := range more {
		body[name] = value
	}
	answer := a.PostJSON(t, "/sessions", body)
	if answer.Status != http.StatusCreated {
		t.Fatalf("starting: %d %s", answer.Status, answer.Body)
	}
	a.SessionID, a.Link = answer.Text("session_id"), answer.Text("authorization_request_url")
	code, state := a.Approve(t, persona)
	return a.Redeem(t, code, state)
}

// wantStepUp checks the answer to a login that is valid and not enough (RFC 9470 section 3).
func wantStepUp(t *testing.T, got Answer, params ...string) {
	t.Helper()
	challenge := got.Header.Get("WWW-Authenticate")
	if got.Status != http.StatusUnauthorized || got.Text("code") != "insufficient_login" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	for _, param := range append(params, `error="insufficient_user_authentication"`) {
		if !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, param) {
			t.Errorf("%s is not in %q", param, challenge)
		}
	}
	if n := strings.Count(challenge, "acr_values") + strings.Count(challenge, "max_age"); n != len(params) {
		t.Errorf("more is required in %q than %v", challenge, params)
	}
}

func requireApp(t *testing.T, e *Env) {
	app := e.NewApp()
	wantStepUp(t, app.Call(t, "/api", app.Login(t, "substantial")), `acr_values="high"`)
	e.wantNoUpstream(t)
	again := app.LoginAs(t, "adult", map[string]any{"acr_values": "high"})
	wantAnswer(t, "after another login", app.Call(t, "/api", again.Text("access_token")), http.StatusOK)
	wantError(t, app.LoginAs(t, "substantial", map[string]any{"acr_values": "high"}), http.StatusBadRequest, "invalid_grant")
	if got := app.Call(t, "/api", ""); got.Status != http.StatusUnauthorized || strings.Contains(got.Header.Get("WWW-Authenticate"), "error") {
		t.Errorf("without a login: %d %v", got.Status, got.Header)
	}
}

// lowLogin logs a persona in at any level, as a browser does that comes to the login page by itself.
func (b *Browser) lowLogin(t *testing.T, persona string) {
	t.Helper()
	link := Link(t, b.Submit(t, Path+"/login", url.Values{}))
	wantAnswer(t, "the callback", b.Navigate(t, approve(t, b.env, link, persona)), http.StatusSeeOther)
}

// wantSentToLogin checks that a browser is sent to log in again, once, and with what.
func (e *Env) wantSentToLogin(t *testing.T, got Answer, want url.Values) {
	t.Helper()
	location, err := url.Parse(got.Header.Get("Location"))
	if err != nil || got.Status != http.StatusSeeOther || location.Scheme+"://"+location.Host != e.URL || location.Path != Path+"/login" || location.RawQuery != want.Encode() {
		t.Fatalf("got %d to %q, want the login page with %q", got.Status, got.Header.Get("Location"), want.Encode())
	}
}

func requireBrowser(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.lowLogin(t, "substantial")
	e.wantSentToLogin(t, b.Navigate(t, "/account?tab=2"), url.Values{"return_to": {"/account?tab=2"}, "acr_values": {"high"}, "prompt": {"login"}})
	if got := b.Login(t, "/account?tab=2", "adult"); got.Status != http.StatusOK || got.Body != "upstream" {
		t.Errorf("after another login: %d %s", got.Status, got.Body)
	}
	if acr := e.Upstream.Last().Get("X-Itsme-Acr"); acr != "high" {
		t.Errorf("the upstream gets acr %q", acr)
	}
}

// requireNoLoop: the login that was asked for the level ends on a page, at the redirect URL itself, and
// leaves the cookies as they were.
func requireNoLoop(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.lowLogin(t, "substantial")
	before := b.sessionCookies(t)
	page := b.Navigate(t, approve(t, e, b.Start(t, "/account"), "substantial"))
	if page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" || !strings.Contains(page.Body, "This login is not enough") {
		t.Fatalf("the callback: %d %v %s", page.Status, page.Header, page.Body)
	}
	again, err := url.Parse(Link(t, page))
	if err != nil || again.Query().Get("acr_values") != "high" || again.Query().Get("return_to") != "/account" {
		t.Errorf("trying again leads to %q", Link(t, page))
	}
	if got := b.sessionCookies(t); !slices.Equal(got, before) {
		t.Errorf("the cookies were %v and are %v", before, got)
	}
	e.wantNoUpstream(t)
}

func requireFirst(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	e.wantSentToLogin(t, b.Navigate(t, "/account"), url.Values{"return_to": {"/account"}, "acr_values": {"high"}})
	dutch := b.Navigate(t, Path+"/login?return_to=/account&acr_values=high")
	for _, kept := range []string{"acr_values=high", "return_to=%2Faccount"} {
		if !strings.Contains(dutch.Body, kept) {
			t.Errorf("the page in another language loses %s", kept)
		}
	}
	wantAnswer(t, "after one login", b.Login(t, "/account", "adult"), http.StatusOK)
	e.wantCalls(t, "create_session", 1)
}

func requireAPI(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.lowLogin(t, "substantial")
	for name, header := range map[string]http.Header{
		"a script":    {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"text/html"}},
		"an image":    {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}},
		"no metadata": {"Accept": {"application/json"}},
	} {
		r := request(t, http.MethodGet, e.URL+"/account", "")
		r.Header = header
		got := e.do(t, b.client, r)
		t.Log(name)
		wantStepUp(t, got, `acr_values="high"`)
	}
	post := request(t, http.MethodPost, e.URL+"/account", "")
	post.Header = http.Header{"Origin": {e.URL}, "Accept": {"application/json"}}
	wantStepUp(t, e.do(t, b.client, post), `acr_values="high"`)
	if without := e.NewBrowser(t).Submit(t, "/account", url.Values{}); without.Status != http.StatusUnauthorized || !strings.Contains(without.Body, "What you sent was not processed") {
		t.Errorf("a form without a login: %d %s", without.Status, without.Body)
	}
	form := b.Submit(t, "/account", url.Values{})
	if again, err := url.Parse(Link(t, form)); err != nil || form.Status != http.StatusUnauthorized || again.Query().Get("acr_values") != "high" || again.Query().Get("prompt") != "login" {
		t.Errorf("a form: %d, and its button leads to %q", form.Status, Link(t, form))
	}
}

func requireBearer(t *testing.T, e *Env) {
	b, app := e.NewBrowser(t), e.NewApp()
	b.lowLogin(t, "adult")
	low := app.Login(t, "substantial")
	r := request(t, http.MethodGet, e.URL+"/account", "")
	r.Header = http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Authorization": {"Bearer " + low}}
	wantStepUp(t, e.do(t, b.client, r), `acr_values="high"`)
	wantAnswer(t, "the cookie alone", b.Navigate(t, "/account"), http.StatusOK)
}

// wantRefused checks the answer to a person whom no other login would help.
func wantRefused(t *testing.T, got Answer, detail string) {
	t.Helper()
	if got.Status != http.StatusForbidden || got.Text("code") != "requirement_not_met" || got.Text("detail") != detail {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if challenge := got.Header.Get("WWW-Authenticate"); challenge != "" {
		t.Errorf("a login is asked for: %q", challenge)
	}
}

func requireAge(t *testing.T, e *Env) {
	app := e.NewApp()
	for _, persona := range []string{"minor", "mononym"} {
		wantRefused(t, app.Call(t, "/api", app.LoginAs(t, persona, nil).Text("access_token")), "min_age")
		b := e.NewBrowser(t)
		page := b.Login(t, "/account", persona)
		if page.Status != http.StatusForbidden || page.Header.Get("Location") != "" || !strings.Contains(page.Body, "You cannot use this page") {
			t.Errorf("the %s's page: %d %v %s", persona, page.Status, page.Header, page.Body)
		}
	}
	e.wantNoUpstream(t)
	wantAnswer(t, "the adult", app.Call(t, "/api", app.LoginAs(t, "adult", nil).Text("access_token")), http.StatusOK)
}

func requireClaim(t *testing.T, e *Env) {
	app := e.NewApp()
	wantRefused(t, app.Call(t, "/api", app.LoginAs(t, "foreign", nil).Text("access_token")), "claim nationality")
	wantAnswer(t, "one of the values", app.Call(t, "/api", app.LoginAs(t, "adult", nil).Text("access_token")), http.StatusOK)
}

func requireOwn(t *testing.T, e *Env) {
	app := e.NewApp()
	low := app.Login(t, "substantial")
	wantAnswer(t, "userinfo", app.Call(t, Path+"/userinfo", low), http.StatusOK)
	wantAnswer(t, "a public path", app.Call(t, "/public/x", low), http.StatusOK)
}

func requireFreshApp(t *testing.T, e *Env) {
	app := e.NewApp()
	first := app.LoginAs(t, "adult", nil)
	e.Advance(5 * time.Minute)
	e.Advance(-time.Second)
	wantAnswer(t, "a login that is recent", app.Call(t, "/api", first.Text("access_token")), http.StatusOK)
	e.Advance(time.Minute)
	want := []string{`acr_values="substantial"`, `max_age="300"`}
	wantStepUp(t, app.Call(t, "/api", first.Text("access_token")), want...)
	refreshed := app.Refresh(t, first.Text("refresh_token"))
	wantStepUp(t, app.Call(t, "/api", refreshed.Text("access_token")), want...)
	again := app.LoginAs(t, "adult", map[string]any{"max_age": 300, "acr_values": "substantial"})
	wantAnswer(t, "after another login", app.Call(t, "/api", again.Text("access_token")), http.StatusOK)
}

func requireFreshBrowser(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	wantAnswer(t, "a login that is recent", b.Login(t, "/account", "adult"), http.StatusOK)
	e.Advance(6 * time.Minute)
	e.wantSentToLogin(t, b.Navigate(t, "/account"), url.Values{"return_to": {"/account"}, "acr_values": {"substantial"}, "max_age": {"300"}, "prompt": {"login"}})
	b.wantNoLoop(t)
	wantAnswer(t, "after another login", b.Login(t, "/account", "adult"), http.StatusOK)
}
