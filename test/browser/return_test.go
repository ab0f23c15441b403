package browser_test

import (
	"net/http"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// TestPersonComesBack plays what happens around the way back from itsme.
func TestPersonComesBack(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	for name, play := range map[string]func(*testing.T, env){
		"to a finished callback":                           backToCallback,
		"to a callback that was refused":                   backToRefusedCallback,
		"in another browser, and starts there":             inAnotherBrowser,
		"in another browser, and starts over in the first": overInTheFirst,
		"to a page with a fragment, at a desk":             withFragment(false),
		"to a page with a fragment, on a phone":            withFragment(true),
		"to a page with a fragment, after refusing":        withFragmentAfterRefusal,
		"to a tab that was dropped":                        droppedTab,
		"to a tab that was dropped before the end":         droppedTabBeforeTheEnd,
		"to a page that another login does not satisfy":    freshPageStartsAnew,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, e)
		})
	}
}

// approved starts a login in a tab, approves it at itsme, and returns the URL that itsme opens. The tab stays at the
// login page.
func (e env) approved(t *testing.T, tab *browsertest.Page) (callback string) {
	t.Helper()
	return e.approve(t, gone(tab, e.Simulator))
}

// approve approves the login of a link.
func (e env) approve(t *testing.T, link string) (callback string) {
	t.Helper()
	return e.Approve(t, e.SessionOf(t, link))
}

// openElsewhere approves the login of a link, and opens its callback with a client that has no cookie.
func (e env) openElsewhere(t *testing.T, link string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.approve(t, link), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("the callback elsewhere: %s", answer.Status)
	}
}

func backToCallback(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	callback := e.approved(t, tab)
	tab.LetGo()
	for range 3 {
		tab.Go(callback)
		e.wantRequestedPage(t, tab)
		tab.Go("about:blank")
	}
	tab.Go(e.Gateway + requestedPage)
	tab.Click("form button") // logs out
	tab.Reads("main h1", "You are logged out")
	tab.Go(callback)
	tab.Reads("main h1", "This login is over")
}

func backToRefusedCallback(t *testing.T, e env) {
	tab := e.openLoginPage(t, browsertest.Tab{Phone: true})
	tapLink(tab)
	tab.Click(refuseButton)
	tab.Reads("main h1", "You are not logged in")
	callback := tab.URL()
	tab.Go("about:blank")
	tab.Go(callback)
	tab.Reads("main h1", "You are not logged in")
	tab.Click("a.action")
	tab.Reads("main h1", "Log in with itsme")
	tapLink(tab)
	tab.Click(approveButton)
	e.wantRequestedPage(t, tab)
}

// inAnotherBrowser: the phone returns to its default browser. The code leaves its address bar, the login starts there
// with one button, and leads to the page of the first.
func inAnotherBrowser(t *testing.T, e env) {
	first := e.openLoginPage(t, browsertest.Tab{Phone: true})
	callback := e.approved(t, first)
	second := e.browser.Open(t, browsertest.Tab{Phone: true})
	second.Go(callback)
	second.Reads("main h1", "This login cannot be finished here")
	if at := second.URL(); at != e.Gateway+"/itsme/callback" {
		t.Errorf("the address bar shows %s", at)
	}
	second.Tap("form button.action")
	second.Tap("a#link[href]")
	second.Tap(approveButton)
	e.wantRequestedPage(t, second)
}

// overInTheFirst: the first browser says that itsme opened another browser, and starts over.
func overInTheFirst(t *testing.T, e env) {
	first := e.openLoginPage(t, browsertest.Tab{Phone: true})
	link := gone(first, e.Simulator)
	first.Script(comesBack)
	first.Reads("#opened h1", "Confirm in itsme")
	second := e.browser.Open(t, browsertest.Tab{Phone: true})
	second.Go(e.approve(t, link))
	second.See("main h1")
	first.Reads("#elsewhere h1", "itsme opened another browser")
	first.LetGo()
	first.Tap("#elsewhere a")
	first.Reads("#start h1", "Log in with itsme")
	if again := gone(first, e.Simulator); again == link {
		t.Error("the same login goes on")
	}
	first.LetGo()
	first.Go(e.approve(t, first.Link("#link")))
	e.wantRequestedPage(t, first)
}

const fragment = "#/inbox?id=4&x=%20y"

// withFragment: an app in the browser keeps its view in the fragment, which no browser sends.
func withFragment(phone bool) func(*testing.T, env) {
	return func(t *testing.T, e env) {
		tab := e.browser.Open(t, browsertest.Tab{Phone: phone})
		tab.Go(e.Gateway + requestedPage + fragment)
		tapLink(tab)
		tab.Click(approveButton)
		e.wantPage(t, tab, requestedPage+fragment)
		if stored := browsertest.Evaluate[int](tab, `Object.keys(sessionStorage).filter(key => key.startsWith("itsme-fragment")).length`); stored != 0 {
			t.Errorf("%d fragments are still stored", stored)
		}
	}
}

func withFragmentAfterRefusal(t *testing.T, e env) {
	tab := e.browser.Open(t, browsertest.Tab{Phone: true})
	tab.Go(e.Gateway + requestedPage + fragment)
	tab.Click(`nav a[lang="fr"]`)
	tab.See(`html[lang="fr"] h1`)
	tapLink(tab)
	tab.Click(refuseButton)
	tab.Reads("main h1", "Vous n’êtes pas connecté")
	tab.Click("a.action")
	tab.See("#link")
	tapLink(tab)
	tab.Click(approveButton)
	e.wantPage(t, tab, requestedPage+fragment)
}

// anew is the login page that asks for a new login, also of a browser that has a session.
const anew = "/itsme/login?prompt=login&return_to=%2Faccount%3Ftab%3D2"

// droppedTab: the phone opened the callback in another tab, and dropped the first one to save memory. The first one
// is loaded again when the user looks at it.
func droppedTab(t *testing.T, e env) {
	for _, start := range []string{requestedPage, anew} {
		tab := e.browser.Open(t, browsertest.Tab{Phone: true})
		tab.Go(e.Gateway + start)
		callback := e.approved(t, tab)
		other := tab.Beside(browsertest.Tab{Phone: true})
		other.Go(callback)
		e.wantRequestedPage(t, other)
		tab.LetGo()
		tab.Reload()
		e.wantRequestedPage(t, tab)
	}
}

func droppedTabBeforeTheEnd(t *testing.T, e env) {
	tab := e.browser.Open(t, browsertest.Tab{Phone: true})
	tab.Go(e.Gateway + anew)
	link := gone(tab, e.Simulator)
	tab.LetGo()
	tab.Reload()
	tab.Reads("#opened h1", "Confirm in itsme")
	if again := tab.Link("#reopen"); again != link {
		t.Error("the page opens another login")
	}
	other := tab.Beside(browsertest.Tab{Phone: true})
	other.Go(e.approve(t, link))
	e.wantRequestedPage(t, other)
	e.wantRequestedPage(t, tab)
}

// freshPageStartsAnew: a browser that finished a login is asked for another one. The login page does not take the
// finished one for it, and so cannot loop.
func freshPageStartsAnew(t *testing.T, e env) {
	tab := e.browser.Open(t, browsertest.Tab{Phone: true})
	for range 2 {
		tab.Go(e.Gateway + anew)
		tab.Reads("main h1", "Log in with itsme")
		tapLink(tab)
		tab.Click(approveButton)
		e.wantRequestedPage(t, tab)
	}
	tab.Go(e.Gateway + anew)
	tab.Exists("#link[href]")
	tab.Reads("main h1", "Log in with itsme")
}
