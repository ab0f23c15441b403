package docs_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const privacyPage = "docs/privacy.md"

// TestPrivacyDurations compares how long personal data stay with the constants.
func TestPrivacyDurations(t *testing.T) {
	t.Parallel()
	c := gateway.Config{PublicURL: "https://app.example.be"}.WithDefaults()
	want := map[string][]string{
		"Access token":             {brief(c.Token.Lifetime)},
		"Token for a service":      {brief(token.MaxMintedLifetime)},
		"Refresh token":            {brief(gateway.MaxRefresh)},
		"Session cookie":           {brief(c.Cookie.Lifetime)},
		"Store: pending session":   {brief(c.SessionLifetime), brief(store.Retention)},
		"Store: counters":          {brief(c.Limit.SessionsWindow)},
		"Caddy's access log":       {retention(t)},
		"`__Host-itsme`":           {brief(c.Cookie.Lifetime)},
		"`__Host-itsme-l-…`":       {brief(c.SessionLifetime + store.Retention)},
		"Store: refreshable login": {"token { refresh }"},
	}
	rows := slices.Concat(readTableOf(t, privacyPage, "Where"), readTableOf(t, privacyPage, "Cookie"))
	for about, figures := range want {
		found := false
		for _, row := range rows {
			if !strings.HasPrefix(row[0], about) {
				continue
			}
			found = true
			for _, figure := range figures {
				if !strings.Contains(strings.Join(row[2:], " "), "`"+figure+"`") {
					t.Errorf("%s: %q lacks %s", about, row, figure)
				}
			}
		}
		if !found {
			t.Errorf("the page has no row %s", about)
		}
	}
}

// TestPrivacyFiguresInWords compares the figures of the rights and of the record of processing with the constants.
func TestPrivacyFiguresInWords(t *testing.T) {
	t.Parallel()
	c := gateway.Config{PublicURL: "https://app.example.be"}.WithDefaults()
	want := map[string][]string{
		"Erasure": {fmt.Sprintf("up to %d refreshable logins", store.MaxLogins), "`" + brief(store.Retention) + "`"},
		"Retention": {
			fmt.Sprintf("Pending session: %.0f minutes after its end", store.Retention.Minutes()),
			fmt.Sprintf("Login of a browser: `<%.0f hours>`", c.Cookie.Lifetime.Hours()),
			"Access log: `<" + strings.TrimSuffix(retention(t), "d") + " days>`",
		},
	}
	for _, row := range slices.Concat(readTableOf(t, privacyPage, "Right"), readTableOf(t, privacyPage, "Item")) {
		about, _, _ := strings.Cut(row[0], " ")
		for _, figure := range want[about] {
			if !strings.Contains(row[1], figure) {
				t.Errorf("%s: %q lacks %s", about, row[1], figure)
			}
		}
		delete(want, about)
	}
	if len(want) > 0 {
		t.Errorf("the page lacks %v", want)
	}
}

// retention returns how long the production Caddyfile keeps the access log.
func retention(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)access\.log \{.*?roll_keep_for (\S+)`).FindStringSubmatch(repotest.ReadFile(t, "docs/production.md"))
	if found == nil {
		t.Fatal("the production Caddyfile keeps its access log without end")
	}
	return found[1]
}

// TestPrivacyNamesWhatIsStored compares the page with every member that the store keeps.
func TestPrivacyNamesWhatIsStored(t *testing.T) {
	t.Parallel()
	for about, of := range map[string]any{"pending session": store.Record{}, "refreshable login": store.Family{}} {
		stored := set{}
		for f := range reflect.TypeOf(of).Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
				stored[name] = true
			}
		}
		_, sentence, _ := strings.Cut(repotest.ReadFile(t, privacyPage), "The members of a "+about+":")
		sentence, _, _ = strings.Cut(sentence, "\n\n")
		named := set{}
		for _, name := range codeSpan.FindAllStringSubmatch(sentence, -1) {
			named[name[1]] = true
		}
		if diff := cmp.Diff(stored, named); diff != "" {
			t.Errorf("%s names other members of a %s (-store +page). Does the new one hold personal data?\n%s", privacyPage, about, diff)
		}
	}
}

// TestPrivacyNamesEveryCookie logs in a browser, and compares the cookies that it gets with the page.
func TestPrivacyNamesEveryCookie(t *testing.T) {
	t.Parallel()
	front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}})
	browser := front.NewBrowser(t)
	got := set{}
	note := func() {
		for _, name := range browser.Cookies(t) {
			if login, _, ok := strings.Cut(name, "-l-"); ok {
				name = login + "-l-…"
			}
			got["__Host-"+name] = true // the test's gateway is on plain http, and has no prefix
		}
	}
	browser.Navigate(t, gateway.DefaultPath+"/login")
	note()
	browser.Login(t, "/", "adult")
	note()
	named := set{}
	for _, row := range readTableOf(t, privacyPage, "Cookie") {
		name, _ := code(row[0])
		named[name] = true
	}
	if diff := cmp.Diff(got, named); diff != "" {
		t.Errorf("the page names other cookies (-browser +page):\n%s", diff)
	}
}
