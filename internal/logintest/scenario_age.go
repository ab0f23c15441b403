package logintest

import (
	"net/http"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for the Belgian day
)

// withAges puts ages and no birth date into the tokens.
var (
	withAges      = Options{Claims: []string{"name", "age_over_17", "age_over_18"}, Refresh: 240 * time.Hour, Require: Require{MinAge: 17}}
	withEncrypted = Options{Claims: withAges.Claims, Refresh: withAges.Refresh, Require: withAges.Require, Encrypted: true}
	withoutAges   = Options{Claims: []string{"name"}, Require: Require{MinAge: 18}, Encrypted: true}
)

var ageScenarios = []Scenario{
	{"age: an app and its upstream get the age and no birth date", withAges, ageApp},
	{"age: an app with an encrypted token, and its upstream", withEncrypted, ageApp},
	{"age: a browser's upstream gets the age and no birth date", withAges, ageBrowser},
	{"age: an encrypted token is enough for a least age without any claim", withoutAges, requireAge},
}

// timedAgeScenarios need a clock that can be moved.
var timedAgeScenarios = []Scenario{
	{"age: it is computed again at each refresh and renewal", Options{Claims: withAges.Claims, Refresh: withAges.Refresh}, ageBirthday},
	{"age: also in an encrypted token", Options{Claims: withAges.Claims, Refresh: withAges.Refresh, Encrypted: true}, ageBirthday},
}

// birthdateOf returns the birth date of a persona.
func birthdateOf(e *Env, key string) string {
	for _, p := range e.Signicat.Personas() {
		if p.Key == key {
			return p.Attributes["dateOfBirth"]
		}
	}
	return ""
}

// wantAges checks the age headers of the upstream's last request, and that nothing in it shows a birth date.
func wantAges(t *testing.T, e *Env, seventeen, eighteen string) {
	t.Helper()
	h := e.Upstream.Last()
	if h.Get("X-Itsme-Age-Over-17") != seventeen || h.Get("X-Itsme-Age-Over-18") != eighteen || h.Values("X-Itsme-Birthdate") != nil {
		t.Errorf("the upstream got %v, want %q and %q", h, seventeen, eighteen)
	}
	_, raw, _ := strings.Cut(h.Get("Authorization"), " ")
	wantAgeClaims(t, claims(t, raw), seventeen, eighteen)
}

// wantAgeClaims checks the ages in claims; an empty age is absent.
func wantAgeClaims(t *testing.T, got map[string]any, seventeen, eighteen string) {
	t.Helper()
	for claim, want := range map[string]string{"age_over_17": seventeen, "age_over_18": eighteen} {
		if age, ok := got[claim]; ok != (want != "") || ok && age != (want == "true") {
			t.Errorf("%s is %v, want %q", claim, age, want)
		}
	}
	if _, ok := got["birthdate"]; ok {
		t.Error("the birth date is among the claims")
	}
}

func ageApp(t *testing.T, e *Env) {
	for _, row := range []struct {
		persona, seventeen, eighteen string
		status                       int
	}{
		{"adult", "true", "true", http.StatusOK},
		{"minor", "false", "false", http.StatusForbidden},
		{"mononym", "", "", http.StatusForbidden},
	} {
		app := e.NewApp()
		token := app.Login(t, row.persona)
		if strings.Count(token, ".") == 2 {
			wantAgeClaims(t, claims(t, token), row.seventeen, row.eighteen)
		}
		if got := app.Call(t, "/api", token); got.Status != row.status {
			t.Errorf("the %s: %d %s", row.persona, got.Status, got.Body)
		} else if got.Status == http.StatusOK {
			wantAges(t, e, row.seventeen, row.eighteen)
		}
		info := app.Call(t, Path+"/userinfo", token)
		if birthdate := birthdateOf(e, row.persona); info.Status != http.StatusOK || birthdate != "" && strings.Contains(info.Body, birthdate) {
			t.Errorf("userinfo of the %s: %d %s", row.persona, info.Status, info.Body)
		}
		wantAgeClaims(t, info.JSON, row.seventeen, row.eighteen)
	}
}

func ageBrowser(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	wantAnswer(t, "the adult", b.Login(t, "/account", "adult"), http.StatusOK)
	wantAges(t, e, "true", "true")
	for _, persona := range []string{"minor", "mononym"} {
		if got := e.NewBrowser(t).Login(t, "/account", persona); got.Status != http.StatusForbidden {
			t.Errorf("the %s: %d %s", persona, got.Status, got.Body)
		}
	}
}

// ageBirthday logs in on the day before a birthday, and refreshes after midnight in Belgium.
func ageBirthday(t *testing.T, e *Env) {
	first := e.NewApp()
	_, raw, _ := strings.Cut("Bearer "+first.Login(t, "minor"), " ")
	first.Call(t, "/api", raw)
	_, minted, _ := strings.Cut(e.Upstream.Last().Get("Authorization"), " ")
	now := time.Unix(int64(claims(t, minted)["auth_time"].(float64)), 0)
	e.pass(birthday(t, birthdateOf(e, "minor"), 17).Sub(now) - 6*time.Hour)

	app, browser := e.NewApp(), e.NewBrowser(t)
	app.Start(t)
	code, state := app.Approve(t, "minor")
	answer := app.Redeem(t, code, state)
	browser.Login(t, "/account", "minor")
	wantAges(t, e, "false", "false")

	e.pass(5 * time.Hour)
	browser.Navigate(t, "/account") // is renewed, an hour before midnight
	wantAges(t, e, "false", "false")
	answer = app.Refresh(t, answer.Text("refresh_token"))
	app.Call(t, "/api", answer.Text("access_token"))
	wantAges(t, e, "false", "false")

	e.pass(5 * time.Hour)
	browser.Navigate(t, "/account") // is renewed again
	browser.Navigate(t, "/account")
	wantAges(t, e, "true", "false")
	answer = app.Refresh(t, answer.Text("refresh_token"))
	app.Call(t, "/api", answer.Text("access_token"))
	wantAges(t, e, "true", "false")
}

// birthday returns the beginning of the day on which a user completes that many years.
func birthday(t *testing.T, birthdate string, years int) time.Time {
	t.Helper()
	belgium, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	born, err := time.ParseInLocation(time.DateOnly, birthdate, belgium)
	if err != nil {
		t.Fatal(err)
	}
	return born.AddDate(years, 0, 0)
}
