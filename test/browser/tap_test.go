package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

const (
	shortTap = 60 * time.Millisecond
	longTap  = 90 * time.Millisecond
)

// TestOneTapOpensItsme taps and clicks as people do, for 60 to 90 ms, while Signicat takes its time. A tap that waited
// for the answer would open no app on iOS.
func TestOneTapOpensItsme(t *testing.T) {
	browser := browsertest.Start(t, browsertest.Options{})
	for _, delay := range []time.Duration{0, 150 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond} {
		t.Run("Signicat answers after "+delay.String(), func(t *testing.T) {
			t.Parallel()
			e := newDemo(t, browser)
			e.delayStarts(t, delay)
			for name, play := range map[string]func(*testing.T, env){
				"a tap on the button that is ready": tapWhenReady,
				"a tap at once":                     tapAtOnce,
				"a click":                           clickAtOnce,
				"a key":                             keyAtOnce,
			} {
				t.Run(name, func(t *testing.T) {
					before := e.started(t)
					play(t, e)
					if n := e.started(t) - before; n != 1 {
						t.Errorf("%d sessions were started", n)
					}
				})
			}
		})
	}
}

// delayStarts has Signicat answer every start after a while.
func (e env) delayStarts(t *testing.T, delay time.Duration) {
	t.Helper()
	if delay > 0 {
		e.Manage(t, "POST", "/faults", fmt.Sprintf(`[{"operation":"create_session","times":1000,"delay_ms":%d}]`, delay.Milliseconds()), nil)
	}
}

// started counts the sessions at Signicat.
func (e env) started(t *testing.T) int {
	t.Helper()
	var sessions []any
	e.Manage(t, "GET", "/sessions", "", &sessions)
	return len(sessions)
}

func tapWhenReady(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	tab.Exists("#link:not(.busy)[href]")
	if at := tab.StartedAfter("/itsme/login"); at < 400 {
		t.Errorf("the login started after %v ms", at)
	}
	tab.TapFor("#link", shortTap)
	tab.Tap(approveButton)
	e.wantRequestedPage(t, tab)
}

// tapAtOnce taps before the link is there. iOS would open no app for a script that navigates later, so the page asks
// for a second tap, and for nothing else.
func tapAtOnce(t *testing.T, e env) {
	tab, next := e.holdLoginPage(t, browsertest.Tab{Phone: true})
	tab.TapFor("#link", longTap)
	post := next()
	tab.Reads("#status", "One moment")
	post.Send()
	tab.Reads("main h1", "Open itsme")
	tab.Reads("#link", "Open itsme")
	tab.Reads("#start p", "Open itsme and confirm in the app. You will then be brought back here.")
	if others := browsertest.Evaluate[int](tab, `[...document.querySelectorAll("main p")].filter(p => p.checkVisibility() && !p.classList.contains("unseen")).length`); others != 1 {
		t.Errorf("the page has %d instructions", others)
	}
	if at := tab.URL(); !strings.HasPrefix(at, e.Gateway+"/itsme/login") {
		t.Errorf("the page went to %s by itself", at)
	}
	tab.TapFor("#link", longTap)
	tab.Tap(approveButton)
	e.wantRequestedPage(t, tab)
}

func clickAtOnce(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{})
	tab.ClickFor("#link", shortTap)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

// keyAtOnce presses Space, which works on what says that it is a button: before the link is there, and after it.
func keyAtOnce(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{})
	tab.Key("\t ")
	tab.See(approveButton)
	tab.Back()
	tab.See("#opened")
	tab.Go(e.Gateway + requestedPage)
	tab.Key("\t")
	tab.Exists("#link[href][role=button]:focus-visible")
	tab.Key(" ")
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

// TestReloadKeepsTheLogin: a login that the page started by itself is the same one after a reload.
func TestReloadKeepsTheLogin(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	tab.Exists("#link[href]")
	link := tab.Link("#link")
	for range 3 {
		tab.Reload()
		tab.Exists("#link[href]")
		if again := tab.Link("#link"); again != link {
			t.Fatalf("the reload has another link")
		}
	}
	if n := e.started(t); n != 1 {
		t.Errorf("%d sessions were started", n)
	}
	tab.TapFor("#link", shortTap)
	tab.Tap(approveButton)
	e.wantRequestedPage(t, tab)
}

// hidden makes a page believe that it stands in a tab in the background.
const hidden = `Object.defineProperty(document, "hidden", {configurable: true, get: () => !window.seen})`

// TestOnlyAPageThatIsSeenStartsALogin: a page in the background, a page on a computer, and a page without a script
// cost no session.
func TestOnlyAPageThatIsSeenStartsALogin(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	const aWhile = `new Promise(later => setTimeout(() => later(true), 1500))`
	background := e.browser.Open(t, browsertest.Tab{Phone: true})
	background.Before(hidden)
	background.Go(e.Gateway + requestedPage)
	background.See("#link")
	prerendered := e.browser.Open(t, browsertest.Tab{Phone: true})
	prerendered.Before(`Object.defineProperty(document, "prerendering", {configurable: true, get: () => !window.seen})`)
	prerendered.Go(e.Gateway + requestedPage)
	prerendered.See("#link")
	desktop := e.openLoginPage(t, browsertest.Tab{})
	e.openLoginPage(t, browsertest.Tab{Phone: true, NoScript: true})
	for _, tab := range []*browsertest.Page{background, prerendered, desktop} {
		browsertest.Evaluate[bool](tab, aWhile)
	}
	if n := e.started(t); n != 0 {
		t.Fatalf("%d sessions were started", n)
	}
	background.Script(`window.seen = true; document.dispatchEvent(new Event("visibilitychange"))`)
	prerendered.Script(`window.seen = true; document.dispatchEvent(new Event("prerenderingchange"))`)
	background.Exists("#link[href]")
	prerendered.Exists("#link[href]")
	if n := e.started(t); n != 2 {
		t.Errorf("%d sessions were started, want one for each page that is seen now", n)
	}
}

// TestStartWithTheTap: with page { start tap } nothing starts before the finger is down.
func TestStartWithTheTap(t *testing.T) {
	t.Parallel()
	front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}, Page: gateway.PageConfig{Start: gateway.StartTap}})
	tab := browsertest.Start(t, browsertest.Options{}).Open(t, browsertest.Tab{Phone: true})
	next := tab.Hold("*/itsme/login")
	tab.Go(front.URL + "/account")
	tab.See("#link")
	browsertest.Evaluate[bool](tab, `new Promise(later => setTimeout(() => later(true), 1500))`)
	if browsertest.Evaluate[bool](tab, `document.querySelector("#link.busy") !== null`) {
		t.Error("the page started a login by itself")
	}
	tab.TapFor("#link", shortTap)
	next().Send()
	tab.Exists("#link[href]")
	if n := front.Signicat.Count("create_session"); n != 1 {
		t.Errorf("%d sessions were started", n)
	}
}

// TestButtonShowsThatItWorks: while the login starts, and while it is completed. An animation stands still for a person
// who wants no motion.
func TestButtonShowsThatItWorks(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	e.Manage(t, "PATCH", "/switches", `{"reads-before-success":"100000"}`, nil)
	tab, next := e.holdLoginPage(t, browsertest.Tab{Phone: true})
	shows := func(element string) {
		t.Helper()
		tab.Exists(element)
		for preference, want := range map[string]int{"no-preference": 1, "reduce": 0} {
			tab.Media("prefers-reduced-motion", preference)
			if n := tab.Moving(); n != want {
				t.Errorf("%s, %s: %d elements move, want %d", element, preference, n, want)
			}
		}
	}
	post := next()
	shows("#link.busy")
	post.Send()
	tab.Exists("#link:not(.busy)[href]")
	tab.LetGo()
	tab.TapFor("#link", shortTap)
	tab.Tap(approveButton)
	shows("main[data-refresh] .busy")
}
