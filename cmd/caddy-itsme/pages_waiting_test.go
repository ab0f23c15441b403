package main

import (
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/browsertest"
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
	if title := tab.See("#expired h1"); title != "It took too long" {
		t.Errorf("the page says %q", title)
	}
	tab.Exists("#link[href]") // it is the same page still
}

// TestBrowserWithoutCookiesIsToldSo: every way to log in ends on an explanation, and none goes in
// circles.
func TestBrowserWithoutCookiesIsToldSo(t *testing.T) {
	s := openStage(t, browsertest.Options{NoCookies: true})
	const explanation = "Cookies are switched off"
	tab := s.begin(t, browsertest.Tab{})
	tab.Click("#link")
	if title := tab.See("#no_cookies h1"); title != explanation {
		t.Errorf("with JavaScript the page says %q", title)
	}
	plain := s.begin(t, browsertest.Tab{NoScript: true})
	plain.Click("#form button")
	plain.See("a.action[href]")
	if title := plain.See("main h1"); title != explanation {
		t.Errorf("without JavaScript the page says %q", title)
	}
	var sessions []any
	s.manage(t, "GET", "/sessions", "", &sessions)
	if len(sessions) != 0 {
		t.Errorf("%d sessions were started in vain", len(sessions))
	}
}
