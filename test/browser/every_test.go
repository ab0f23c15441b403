package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/htmltest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

var pictures = flag.String("screenshots", "", "folder for a picture of every page; empty takes none")

// TestEveryPage opens every page in every language, light and dark. axe-core audits it. It is then shown in a
// small window, with large text, and to a keyboard. A window fails the test for every violation of a page's
// Content-Security-Policy. The Nu Html Checker reads each page as its script left it.
func TestEveryPage(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	axe := browsertest.LoadAxe(t)
	// Signicat never shows SUCCESS, so that the waiting page stays.
	e.Manage(t, "PATCH", "/switches", `{"reads-before-success":"100000"}`, nil)
	var mu sync.Mutex
	documents := make(map[string]string)
	t.Run("each", func(t *testing.T) {
		for _, language := range []string{"nl", "fr", "de", "en"} {
			t.Run(language, func(t *testing.T) {
				t.Parallel()
				tab := e.browser.Open(t, browsertest.Tab{Phone: true, Language: language})
				for name, show := range e.pages(t) {
					show(tab, language)
					if got := browsertest.Evaluate[string](tab, "document.documentElement.lang"); got != language {
						t.Errorf("%s is in %s", name, got)
					}
					mu.Lock()
					documents[name+", "+language] = browsertest.Document(tab)
					mu.Unlock()
					look(t, tab, axe, filepath.Join(language, name))
				}
			})
		}
	})
	htmltest.Validate(t, documents)
}

// pages returns a function for each page that opens it.
func (e env) pages(t *testing.T) map[string]func(tab *browsertest.Page, language string) {
	all := map[string]func(*browsertest.Page, string){
		"login": func(tab *browsertest.Page, _ string) { tab.Go(e.Gateway + requestedPage); tab.See("#link") },
		"open": func(tab *browsertest.Page, _ string) {
			tab.Scripts(false)
			tab.Go(e.Gateway + requestedPage)
			tab.Click("#form button")
			tab.See("#link[href]")
			tab.Scripts(true)
		},
		"opened": func(tab *browsertest.Page, _ string) {
			tab.Go(e.Gateway + requestedPage)
			gone(tab, e.Simulator)
			tab.LetGo()
			tab.Script(comesBack)
			tab.See("#opened")
		},
		"elsewhere": func(tab *browsertest.Page, _ string) {
			tab.Go(e.Gateway + requestedPage)
			link := gone(tab, e.Simulator)
			tab.LetGo()
			tab.Script(comesBack)
			tab.See("#opened")
			e.openElsewhere(t, link)
			tab.See("#elsewhere")
		},
		"waiting": func(tab *browsertest.Page, _ string) {
			tab.Go(e.Gateway + requestedPage)
			tapLink(tab)
			tab.Click(approveButton)
			tab.See("main[data-refresh]")
		},
	}
	for _, key := range gateway.PageTexts() {
		name, isTitle := strings.CutSuffix(key, ".title")
		if _, known := all[name]; isTitle && !known {
			all[name] = func(tab *browsertest.Page, language string) {
				tab.Go(e.Gateway + "/itsme/login?page=" + name + "&language=" + language)
				tab.See("h1")
			}
		}
	}
	return all
}

// look audits the page that the tab shows, and takes pictures of it.
func look(t *testing.T, tab *browsertest.Page, axe browsertest.Axe, name string) {
	t.Helper()
	for _, phone := range []bool{true, false} {
		tab.Resize(phone)
		for _, scheme := range []string{"light", "dark"} {
			tab.Media("prefers-color-scheme", scheme)
			device := map[bool]string{true: "phone", false: "desktop"}[phone]
			if *pictures != "" {
				save(t, name+"-"+device+"-"+scheme+".png", tab.Picture())
			}
			if phone {
				report(t, name+", "+scheme, tab.Audit(axe))
			}
		}
	}
	report(t, name, tab.Check())
}

func report(t *testing.T, name string, wrong []string) {
	t.Helper()
	slices.Sort(wrong)
	for _, sentence := range wrong {
		t.Errorf("%s: %s", name, sentence)
	}
}

func save(t *testing.T, name string, picture []byte) {
	t.Helper()
	file := filepath.Join(*pictures, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
