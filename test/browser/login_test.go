package browser_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestPersonLogsIn plays what people do in front of a browser. Each story has a window of its own.
func TestPersonLogsIn(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	for name, play := range map[string]func(*testing.T, env){
		"with one tap, in Dutch, on a phone":          inLanguage("nl", true),
		"with one tap, in French, on a phone":         inLanguage("fr", true),
		"with one click, in German, at a desk":        inLanguage("de", false),
		"with one click, in English, at a desk":       inLanguage("en", false),
		"with the keyboard alone":                     withKeyboard,
		"without JavaScript":                          withoutScript,
		"after switching the language":                switchingLanguage,
		"after refusing at first":                     afterRefusal,
		"after the login expired":                     afterExpiry,
		"after coming back without finishing":         comingBack,
		"after starting over":                         startingOver,
		"after the back button":                       afterBackButton,
		"with the form when no login can be started":  withoutLogin,
		"and out again":                               loggingOut,
		"in another tab, and the waiting one goes on": inAnotherTab,
		"in another tab, whose cookie comes late":     lateCookie,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, e)
		})
	}
}

func inLanguage(language string, phone bool) func(*testing.T, env) {
	return func(t *testing.T, e env) {
		tab := e.openLoginPage(t, browsertest.Tab{Phone: phone, Language: language + "-BE," + language})
		if got := browsertest.Evaluate[string](tab, "document.documentElement.lang"); got != language {
			t.Errorf("the page is in %s", got)
		}
		tapLink(tab)
		tab.Click(approveButton)
		e.wantRequestedPage(t, tab)
	}
}

func withKeyboard(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{})
	tab.Key("\t")
	tab.Exists("#link[href]:focus-visible")
	tab.Key("\r")
	tab.See(approveButton)
	tab.Key("\t\t\r")
	e.wantRequestedPage(t, tab)
}

func withoutScript(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true, NoScript: true})
	tab.Tap("#form button")
	tab.Tap("a#link[href]")
	tab.Tap(approveButton)
	e.wantRequestedPage(t, tab)
}

func switchingLanguage(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Language: "nl"})
	tab.Click(`nav a[lang="fr"]`)
	tab.See(`html[lang="fr"] h1`)
	tapLink(tab)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

func afterRefusal(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	tapLink(tab)
	tab.Click(refuseButton)
	tab.Reads("main h1", "You are not logged in")
	tab.Click(`nav a[lang="nl"]`)
	tab.See(`html[lang="nl"] h1`)
	tab.Click("a.action")
	tab.See("#link")
	tapLink(tab)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

// gone opens itsme as a phone does: the app takes the link, and the page stays where it is.
func gone(tab *browsertest.Page, simulator string) (link string) {
	next := tab.Hold(simulator + "/*")
	tapLink(tab)
	next().Drop()
	return browsertest.Evaluate[string](tab, `document.getElementById("link").href`)
}

// comesBack is what a page notices when the person looks at it again.
const comesBack = `document.dispatchEvent(new Event("visibilitychange"))`

func afterExpiry(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	e.Expire(t, e.SessionOf(t, gone(tab, e.Simulator)))
	tab.Script(comesBack)
	tab.Reads("#expired h1", "It took too long")
	if title := browsertest.Evaluate[string](tab, "document.title"); title != "It took too long" {
		t.Errorf("the window says %q", title)
	}
	tab.Click("#expired a")
	tab.See("#link")
	if at := tab.URL(); !strings.Contains(at, "return_to=%2Faccount%3Ftab%3D2") {
		t.Errorf("the next try is at %s", at)
	}
}

func comingBack(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	next := tab.Hold(e.Simulator + "/*")
	tapLink(tab)
	next().Drop()
	tab.Script(comesBack)
	tab.ReadsAmong("#opened", "Start over")
	tab.Click("#reopen")
	next()
	tab.LetGo()
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

func startingOver(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	first := gone(tab, e.Simulator)
	tab.Script(comesBack)
	tab.Click("#over")
	tab.See("#start #link")
	if again := gone(tab, e.Simulator); again == first {
		t.Error("the same login began again")
	}
}

func afterBackButton(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{})
	tapLink(tab)
	tab.See(approveButton)
	tab.Back()
	tab.Reads("#opened h1", "Confirm in itsme")
	tab.Go(e.Gateway + requestedPage)
	tapLink(tab)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
	tab.Back()
	tab.Back()
	// The browser keeps the page as it was, or asks for the login page, which leads a logged-in user to the page.
	title := tab.See("h1")
	if title != "Log in with itsme" && title != "Confirm in itsme" && !strings.HasPrefix(title, "Hello, ") {
		t.Errorf("two pages back stands %q", title)
	}
	tab.Go(e.Gateway + requestedPage)
	e.wantRequestedPage(t, tab)
}

func withoutLogin(t *testing.T, e env) {
	for status, want := range map[int64]string{429: "Too many logins", 503: "The service cannot be reached", 403: "To be safe, it was not carried out"} {
		tab, next := e.holdLoginPage(t, browsertest.Tab{Phone: true})
		next().Answer(status)
		tab.See("#form button")
		tab.ReadsFirst("#status", want)
		tab.Tap("#form button")
		next().Send()
		tab.Tap("a#link[href]")
		tab.Tap(approveButton)
		e.wantRequestedPage(t, tab)
	}
}

func loggingOut(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{})
	tapLink(tab)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
	tab.Click("form button")
	tab.Reads("main h1", "You are logged out")
	tab.Go(e.Gateway + requestedPage)
	tab.See("#link")
}

// inAnotherTab: the phone opens the redirect URL in a new tab, as most do.
func inAnotherTab(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	link := gone(tab, e.Simulator)
	other := tab.Beside(browsertest.Tab{Phone: true})
	other.Go(link)
	other.Click(approveButton)
	e.wantRequestedPage(t, other)
	e.wantRequestedPage(t, tab)
}

// lateCookie: the waiting page hears that the login is finished before the other tab has its answer,
// and the cookie in it.
func lateCookie(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	link := gone(tab, e.Simulator)
	asks := tab.Hold("*/itsme/userinfo")
	other := tab.Beside(browsertest.Tab{Phone: true})
	other.Go(link)
	other.Click(approveButton)
	e.wantRequestedPage(t, other)
	asks().Answer(401)
	asks().Send()
	e.wantRequestedPage(t, tab)
}
