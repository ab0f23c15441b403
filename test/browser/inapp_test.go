package browser_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

const (
	facebookOnIOS    = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0;FBDV/iPhone15,2]"
	webViewOnAndroid = "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36"
)

// TestInAppBrowserOffersThePhonesOwn: a user follows a link in Facebook or in a web view. The page offers the phone's
// own browser, copies the address, and lets the user continue.
func TestInAppBrowserOffersThePhonesOwn(t *testing.T) {
	e := newEnv(t, browsertest.Options{})
	host := strings.TrimPrefix(e.Gateway, "http://")
	const query = "?language=en&return_to=%2Faccount%3Ftab%3D2"
	for name, row := range map[string]struct{ agent, opens string }{
		"an iPhone":        {facebookOnIOS, "x-safari-http://" + host + "/itsme/login" + query + fragment},
		"an Android phone": {webViewOnAndroid, "intent://" + host + "/itsme/login" + query + "#Intent;scheme=http;action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := e.browser.Open(t, browsertest.Tab{Phone: true, UserAgent: row.agent})
			tab.Go(e.Gateway + requestedPage + fragment)
			tab.Reads("main h1", "Open this page in your browser")
			if got := tab.Link("#open"); got != row.opens {
				t.Errorf("the button opens %s, want %s", got, row.opens)
			}
			address := e.Gateway + "/itsme/login" + query + fragment
			if got := browsertest.Evaluate[string](tab, `document.getElementById("address").value`); got != address {
				t.Errorf("the address is %s, want %s", got, address)
			}
			tab.Tap("#copy")
			tab.Reads("#status", "Copied")
			tab.Tap("#here")
			tab.Reads("main h1", "Log in with itsme")
			tapLink(tab)
			tab.Click(approveButton)
			e.wantPage(t, tab, requestedPage+fragment)
			own := e.browser.Open(t, browsertest.Tab{Phone: true})
			own.Go(address)
			tapLink(own)
			own.Click(approveButton)
			e.wantPage(t, own, requestedPage+fragment)
		})
	}
	t.Run("without a script", func(t *testing.T) {
		t.Parallel()
		tab := e.browser.Open(t, browsertest.Tab{Phone: true, UserAgent: facebookOnIOS, NoScript: true})
		tab.Go(e.Gateway + requestedPage)
		tab.Tap("#here")
		tab.Tap("#form button")
		tab.Tap("a#link[href]")
		tab.Tap(approveButton)
		e.wantRequestedPage(t, tab)
	})
}
