package browser_test

import (
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestWaitingPageGoesOnWithItsOwnLoginAlone has a page wait for a login that another browser finishes. The
// page must not continue: it would present that user's login as this browser's.
func TestWaitingPageGoesOnWithItsOwnLoginAlone(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	next := tab.Hold("*/itsme/sessions/*")
	release := tab.Press("#link")
	tab.Exists("#link[href]")
	link := browsertest.Evaluate[string](tab, `document.getElementById("link").href`)
	tab.Script(`document.getElementById("link").addEventListener("click", event => event.preventDefault())`)
	release()
	poll := next()
	other := tab.Beside(browsertest.Tab{Phone: true})
	other.Go(link)
	other.Click(approveButton)
	e.wantRequestedPage(t, other)
	other.Forget()
	poll.Send()
	tab.Reads("#expired h1", "It took too long")
	tab.Exists("#link[href]") // the same page is still there
}

// TestBrowserWithoutCookiesIsToldSo logs in with a browser that refuses cookies. Every way to log in ends on
// an explanation, and none loops.
func TestBrowserWithoutCookiesIsToldSo(t *testing.T) {
	e := newEnv(t, browsertest.Options{NoCookies: true})
	const explanation = "Cookies are switched off"
	tab := e.openLoginPage(t, browsertest.Tab{})
	tab.Click("#link")
	tab.Reads("#no_cookies h1", explanation)
	plain := e.openLoginPage(t, browsertest.Tab{NoScript: true})
	plain.Click("#form button")
	plain.See("a.action[href]")
	plain.Reads("main h1", explanation)
	var sessions []any
	e.Manage(t, "GET", "/sessions", "", &sessions)
	if len(sessions) != 0 {
		t.Errorf("%d sessions were started", len(sessions))
	}
}
