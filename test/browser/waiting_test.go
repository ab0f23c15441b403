package browser_test

import (
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestWaitingPageGoesOnWithItsOwnLoginAlone: a page waits whose login was finished, but this browser
// holds nothing of it, as if somebody else had finished it. To go on would present that person's
// login as this one's.
func TestWaitingPageGoesOnWithItsOwnLoginAlone(t *testing.T) {
	s := openStage(t, browsertest.Options{})
	tab := s.begin(t, browsertest.Tab{Phone: true})
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
	s.arrived(t, other)
	other.Forget()
	poll.Send()
	tab.Reads("#expired h1", "It took too long")
	tab.Exists("#link[href]") // it is the same page still
}

// TestBrowserWithoutCookiesIsToldSo: every way to log in ends on an explanation, and none goes in
// circles.
func TestBrowserWithoutCookiesIsToldSo(t *testing.T) {
	s := openStage(t, browsertest.Options{NoCookies: true})
	const explanation = "Cookies are switched off"
	tab := s.begin(t, browsertest.Tab{})
	tab.Click("#link")
	tab.Reads("#no_cookies h1", explanation)
	plain := s.begin(t, browsertest.Tab{NoScript: true})
	plain.Click("#form button")
	plain.See("a.action[href]")
	plain.Reads("main h1", explanation)
	var sessions []any
	s.manage(t, "GET", "/sessions", "", &sessions)
	if len(sessions) != 0 {
		t.Errorf("%d sessions were started in vain", len(sessions))
	}
}
