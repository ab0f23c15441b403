package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/demotest"
)

// program is the path of caddy-itsme, built for these tests.
var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "caddy-itsme-browser-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "caddy-itsme")
	code := 1
	if out, err := demotest.Build(filepath.Join("..", ".."), program); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintf(os.Stderr, "building caddy-itsme: %v\n%s", err, out)
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// env is the demo and a browser.
type env struct {
	demotest.Demo

	browser *browsertest.Browser
}

// newEnv runs the demo and Chromium until the test ends.
func newEnv(t *testing.T, o browsertest.Options) env {
	t.Helper()
	return newDemo(t, browsertest.Start(t, o))
}

// newDemo runs the demo until the test ends, for a browser that runs.
func newDemo(t *testing.T, browser *browsertest.Browser) env {
	t.Helper()
	return env{Demo: demotest.Start(t, program), browser: browser}
}

// requestedPage is the page that the tests ask for.
const requestedPage = "/account?tab=2"

// openLoginPage opens a window and asks for a page, which leads to the login page.
func (e env) openLoginPage(t *testing.T, as browsertest.Tab) *browsertest.Page {
	t.Helper()
	tab := e.browser.Open(t, as)
	tab.Go(e.Gateway + requestedPage)
	tab.See("h1")
	return tab
}

// holdLoginPage opens the login page and holds back the start of its login.
func (e env) holdLoginPage(t *testing.T, as browsertest.Tab) (tab *browsertest.Page, next func() browsertest.Held) {
	t.Helper()
	tab = e.browser.Open(t, as)
	next = tab.Hold("*/itsme/login")
	tab.Go(e.Gateway + requestedPage)
	tab.See("#link")
	return tab, next
}

// tapLink opens itsme with one tap. The finger lifts when the link has arrived.
func tapLink(tab *browsertest.Page) {
	release := tab.Press("#link")
	tab.Exists("#link[href]")
	release()
}

const (
	approveButton = "button[value=approve]"
	refuseButton  = "button[value=refuse]"
)

// wantRequestedPage waits for the page that was asked for.
func (e env) wantRequestedPage(t *testing.T, tab *browsertest.Page) {
	t.Helper()
	e.wantPage(t, tab, requestedPage)
}

// wantPage waits for a page behind the login.
func (e env) wantPage(t *testing.T, tab *browsertest.Page, path string) {
	t.Helper()
	tab.ReadsAmong("h1", "Hello, Lien")
	tab.See("dl")
	if got := tab.URL(); got != e.Gateway+path {
		t.Errorf("the login ended on %s, want %s", got, e.Gateway+path)
	}
}
