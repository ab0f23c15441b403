package logintest

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// requireEnds: the login page sends a browser with a session to its page, and a site sends a browser whose
// session does not suffice to the login page.
func requireEnds(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.wantNoLoop(t)
	for _, persona := range []string{"substantial", "minor"} {
		b.lowLogin(t, persona)
		b.wantNoLoop(t)
		b.Submit(t, Path+"/logout", url.Values{})
		b.wantNoLoop(t)
	}
}

// wantNoLoop follows redirects from a protected page, and from the login page, to a page that the user sees.
func (b *Browser) wantNoLoop(t *testing.T) {
	t.Helper()
	for _, target := range []string{"/account", Path + "/login?return_to=%2Faccount", Path + "/login?return_to=%2Faccount&prompt=login"} {
		seen := []string{target}
		got := b.Navigate(t, target)
		for got.Status == http.StatusSeeOther {
			next := got.Header.Get("Location")
			if slices.Contains(seen, next) || len(seen) > 3 {
				t.Fatalf("a loop: %q, and again %q", seen, next)
			}
			seen = append(seen, next)
			got = b.Navigate(t, next)
		}
		if got.Status != http.StatusOK && got.Status != http.StatusForbidden {
			t.Errorf("%q end in %d %s", seen, got.Status, got.Body)
		}
		way := wayOut.FindStringSubmatch(got.Body)
		if way == nil {
			continue
		}
		if again := b.Navigate(t, html.UnescapeString(way[1])); again.Status != http.StatusOK || !strings.Contains(again.Body, `id="form"`) {
			t.Errorf("%q end on a page whose link leads to %d %s", seen, again.Status, again.Header.Get("Location"))
		}
	}
}

// wayOut finds the link of a page to another login.
var wayOut = regexp.MustCompile(`class="(?:action|second)" href="([^"]+)"`)
