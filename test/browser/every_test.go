package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

var pictures = flag.String("screenshots", "", "folder for a picture of every page; empty takes none")

// TestEveryPage looks at every page in every language, light and dark, as axe-core does, and as
// somebody with a small window, large text or a keyboard does. Its windows fail for whatever
// violates a page's Content-Security-Policy.
func TestEveryPage(t *testing.T) {
	s := openStage(t, browsertest.Options{})
	axe := browsertest.LoadAxe(t)
	// Signicat never comes to an end, so that there is a page to wait on.
	s.manage(t, "PATCH", "/switches", `{"reads-before-success":"100000"}`, nil)
	for _, language := range []string{"nl", "fr", "de", "en"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tab := s.browser.Open(t, browsertest.Tab{Phone: true, Language: language})
			for name, show := range s.pages() {
				show(tab, language)
				if got := browsertest.Evaluate[string](tab, "document.documentElement.lang"); got != language {
					t.Errorf("%s is in %s", name, got)
				}
				look(t, tab, axe, filepath.Join(language, name))
			}
		})
	}
}

// pages are all of them, and how to get to see each.
func (s stage) pages() map[string]func(tab *browsertest.Page, language string) {
	all := map[string]func(*browsertest.Page, string){
		"login": func(tab *browsertest.Page, _ string) { tab.Go(s.Gateway + wanted); tab.See("#link") },
		"open": func(tab *browsertest.Page, _ string) {
			tab.Scripts(false)
			tab.Go(s.Gateway + wanted)
			tab.Click("#form button")
			tab.See("#link[href]")
			tab.Scripts(true)
		},
		"opened": func(tab *browsertest.Page, _ string) {
			tab.Go(s.Gateway + wanted)
			gone(tab, s.Simulator)
			tab.LetGo()
			tab.Script(comesBack)
			tab.See("#opened")
		},
		"waiting": func(tab *browsertest.Page, _ string) {
			tab.Go(s.Gateway + wanted)
			oneTap(tab)
			tab.Click(approveButton)
			tab.See("main[data-refresh]")
		},
	}
	for _, key := range gateway.PageTexts() {
		name, isTitle := strings.CutSuffix(key, ".title")
		if _, known := all[name]; isTitle && !known {
			all[name] = func(tab *browsertest.Page, language string) {
				tab.Go(s.Gateway + "/itsme/login?page=" + name + "&language=" + language)
				tab.See("h1")
			}
		}
	}
	return all
}

// look checks what the tab shows, and takes pictures of it.
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
