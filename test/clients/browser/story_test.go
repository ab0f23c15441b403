//go:build clients

package browser_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/test/internal/demotest"
)

const (
	// patience bounds each thing that a window does.
	patience = time.Minute
	// pause is between two looks at what a page shows.
	pause = 50 * time.Millisecond
	// press is how long a button of the mouse is down.
	press = 60 * time.Millisecond
)

// window is a browser's window with cookies of its own.
type window interface {
	// open loads a URL.
	open(url string)
	// text is a text that an expression has on the page, empty while the page changes.
	text(expression string) string
	// click presses the first element that a CSS selector names.
	click(selector string)
}

// browsers are the browsers beside Chromium.
var browsers = map[string]func(*testing.T) window{"Firefox": openFirefox, "WebKitGTK": openWebKit}

// stories are what users do in front of each.
var stories = map[string]func(*testing.T, demotest.Demo, func(*testing.T) window){
	"login":                       logsIn,
	"denied":                      isDenied,
	"back to a finished callback": comesBackToCallback,
	"second browser":              usesSecondBrowser,
	"fragment":                    keepsFragment,
}

func TestPagesInOtherBrowsers(t *testing.T) {
	program := filepath.Join(t.TempDir(), "caddy-itsme")
	if out, err := demotest.Build(filepath.Join("..", "..", ".."), program); err != nil {
		t.Fatalf("building the demo: %v\n%s", err, out)
	}
	d := demotest.Start(t, program)
	for browser, start := range browsers {
		for story, play := range stories {
			t.Run(browser+"/"+story, func(t *testing.T) { play(t, d, start) })
		}
	}
}

const (
	wanted  = "/account?tab=2"
	approve = "button[value=approve]"
	refuse  = "button[value=refuse]"
	link    = "#link"
)

// eventually waits until an expression has a text.
func eventually(t *testing.T, w window, expression, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := ""
	for ctx.Err() == nil {
		if got = w.text(expression); got == want {
			return
		}
		<-time.After(pause)
	}
	t.Fatalf("%s is %q, want %q; the window shows %q", expression, got, want, w.text("document.body.innerText"))
}

// press waits for an element and clicks it.
func clicks(t *testing.T, w window, selector string) {
	t.Helper()
	eventually(t, w, fmt.Sprintf(`String(Boolean(document.querySelector(%q)?.checkVisibility?.() ?? document.querySelector(%[1]q)))`, selector), "true")
	w.click(selector)
}

// arrived waits for the page that was asked for, logged in.
func arrived(t *testing.T, d demotest.Demo, w window) {
	t.Helper()
	eventually(t, w, "location.href", d.Gateway+wanted)
	eventually(t, w, `String(document.querySelector("h1").innerText.includes("Hello, Lien"))`, "true")
}

func logsIn(t *testing.T, d demotest.Demo, start func(*testing.T) window) {
	w := start(t)
	w.open(d.Gateway + wanted)
	clicks(t, w, link)
	clicks(t, w, approve)
	arrived(t, d, w)
}

func isDenied(t *testing.T, d demotest.Demo, start func(*testing.T) window) {
	w := start(t)
	w.open(d.Gateway + wanted)
	clicks(t, w, link)
	clicks(t, w, refuse)
	eventually(t, w, `document.querySelector("main h1").innerText`, "You are not logged in")
	clicks(t, w, "a.action")
	clicks(t, w, link)
	clicks(t, w, approve)
	arrived(t, d, w)
}

// keepsFragment asks for a page whose view stands in the fragment, which no browser sends.
func keepsFragment(t *testing.T, d demotest.Demo, start func(*testing.T) window) {
	w := start(t)
	w.open(d.Gateway + wanted + "#/inbox")
	clicks(t, w, link)
	clicks(t, w, approve)
	eventually(t, w, "location.href", d.Gateway+wanted+"#/inbox")
}

// approved logs a window in, as far as itsme's answer, and returns the URL that itsme sends the browser to.
func approved(t *testing.T, d demotest.Demo, w window) (callback string) {
	t.Helper()
	before := d.Sessions(t)
	w.open(d.Gateway + wanted)
	clicks(t, w, link)
	eventually(t, w, "String(Boolean(document.querySelector('"+approve+"')))", "true")
	for _, session := range d.Sessions(t) {
		if !slices.Contains(before, session) {
			return d.Approve(t, session.ID)
		}
	}
	t.Fatal("the click started no session")
	return ""
}

// comesBackToCallback opens the redirect URL of a finished login again, as a restored tab does.
func comesBackToCallback(t *testing.T, d demotest.Demo, start func(*testing.T) window) {
	w := start(t)
	callback := approved(t, d, w)
	w.open(callback)
	arrived(t, d, w)
	w.open("about:blank")
	w.open(callback)
	arrived(t, d, w)
}

// usesSecondBrowser opens the redirect URL in a browser in which the login did not start. That browser is not logged
// in, and keeps no code in its address bar. The first browser finishes.
func usesSecondBrowser(t *testing.T, d demotest.Demo, start func(*testing.T) window) {
	first, second := start(t), start(t)
	callback := approved(t, d, first)
	second.open(callback)
	eventually(t, second, "location.pathname + location.search", "/itsme/callback")
	if shown := second.text("document.body.innerText"); shown == "" || strings.Contains(shown, "Hello, Lien") {
		t.Errorf("the second browser shows %q", shown)
	}
	second.open(d.Gateway + wanted)
	eventually(t, second, "location.pathname", "/itsme/login")
	first.open(callback)
	arrived(t, d, first)
}
