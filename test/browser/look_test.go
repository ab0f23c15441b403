package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestPagesTakeTheOperatorsLook shows the login page with an operator's name, logo from another host, colours
// and text. The window fails the test if the page's policy blocks the logo.
func TestPagesTakeTheOperatorsLook(t *testing.T) {
	t.Parallel()
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Referer() != "" {
			t.Errorf("the logo's host gets the referrer %s", r.Referer())
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" fill="#0b5cad"/></svg>`)
	}))
	t.Cleanup(cdn.Close)
	front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}, Page: gateway.PageConfig{
		Name: "Example Bank", Logo: cdn.URL + "/logo.svg", Color: []string{"ffe14d", "1c1b1a"},
		Text: map[string]map[string]string{"login.title": {"nl": "Welkom bij de bank"}},
	}})
	axe := browsertest.LoadAxe(t)
	tab := browsertest.Start(t, browsertest.Options{}).Open(t, browsertest.Tab{Phone: true, Language: "nl"})
	tab.Go(front.URL + "/account")
	if title := tab.See("main h1"); title != "Welkom bij de bank" {
		t.Errorf("the page says %q", title)
	}
	if width := browsertest.Evaluate[int](tab, `document.querySelector('header img[alt="Example Bank"]').naturalWidth`); width != 120 {
		t.Errorf("the logo is %d px wide", width)
	}
	for scheme, want := range map[string]string{"light": "rgb(255, 225, 77) rgb(0, 0, 0)", "dark": "rgb(28, 27, 26) rgb(255, 255, 255)"} {
		tab.Media("prefers-color-scheme", scheme)
		button := browsertest.Evaluate[string](tab, `(s => s.backgroundColor + " " + s.color)(getComputedStyle(document.getElementById("link")))`)
		if button != want {
			t.Errorf("the button is %s, want %s in %s mode", button, want, scheme)
		}
		for _, wrong := range tab.Audit(axe) {
			t.Errorf("%s: %s", scheme, wrong)
		}
	}
}
