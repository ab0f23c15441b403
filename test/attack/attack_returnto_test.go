package attack_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// openRedirects are values of return_to by which attackers make a login end at evil.example, where the user trusts
// the login's site, or end with a logout. All of them lead to the root instead.
var openRedirects = []string{
	"https://evil.example", "//evil.example", "///evil.example", "////evil.example/", `/\evil.example`, `\\evil.example`, `/\/evil.example`, `\/evil.example`,
	"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "\x00//evil.example", "/\x00/evil.example",
	"/%2f/evil.example", "/%2fevil.example", "/%5cevil.example", "/%5c/evil.example", "/%09/evil.example", "/%0a/evil.example", "/%252fevil.example", "/%25252fevil.example",
	"/..//evil.example", "/.//evil.example", "/x/..//evil.example", "/x//evil.example", "/%2e//evil.example", "/%2e%2e//evil.example", "/.;//evil.example", "/x/../\\evil.example",
	"／／evil.example", "/／evil.example", "//evil｡example", "/\u2028/evil.example", "/\u200b/evil.example", "/﹨evil.example", "/⁄/evil.example", "/\xff/evil.example",
	"https:evil.example", "https:/evil.example", "https:///evil.example", "https:\\\\evil.example", "HTTPS://evil.example", "javascript:alert(1)", "java\tscript:alert(1)",
	"data:text/html,x", "//app.example.be@evil.example", "https://app.example.be@evil.example", "https://app.example.be.evil.example", "//app.example.be:443@evil.example/",
	"@evil.example", ".evil.example", "evil.example", ":80", "?//evil.example", "#//evil.example", "/#//evil.example", "/\"><script>alert(1)</script>", "/'><b>",
	"/\r\nLocation: https://evil.example", "/%0d%0aLocation:%20https://evil.example", "/x\r\n\r\n<script>", "/itsme/logout", "/itsme/login?return_to=//evil.example", "/itsme",
	"/x/../itsme/logout", "/%69tsme/logout", "/itsme%2flogout", "/./itsme/callback", "/" + strings.Repeat("a", 2<<10), "/" + strings.Repeat("/evil.example", 150),
}

// TestReturnNeverLeavesTheOrigin gives each of these to a login: as a page that needs one, in a link to the
// login page, and in its form. It reads the result as browsers do, with a parser of the URL Standard that the
// gateway does not use.
func TestReturnNeverLeavesTheOrigin(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, target := range openRedirects {
		page := e.ask(http.MethodGet, "/itsme/login?return_to="+url.QueryEscape(target))
		for _, location := range []string{e.browser(t).login(target).Header.Get("Location"), fields(page)["return_to"]} {
			if checkStays(t, target, location); location != "/" {
				t.Errorf("%q leads to %q, not to the root", target, location)
			}
		}

		if strings.ContainsAny(target, "\r\n") {
			continue // a request target is one line
		}
		if sent := e.ask(http.MethodGet, target, navigation); sent.Status == http.StatusSeeOther {
			location := sent.Header.Get("Location")
			u, err := url.Parse(location)
			if err != nil || !strings.HasPrefix(location, appURL+"/itsme/login?") {
				t.Errorf("%q is sent to %q", target, location)
				continue
			}
			checkStays(t, target, u.Query().Get("return_to"))
		}
	}
	longest := "/" + strings.Repeat("a", 2<<10-1)
	for _, target := range []string{"/", "/account?tab=2&next=https://evil.example//", "/a/b;c=d/%C3%A9?x=%2F%2F", longest} {
		if got := e.browser(t).login(target).Header.Get("Location"); got != target {
			t.Errorf("%q leads to %q", target, got)
		}
	}
}

// checkStays checks that a browser which follows location stays on the site, and opens no gateway endpoint.
func checkStays(t *testing.T, target, location string) {
	t.Helper()
	for _, base := range []string{appURL + "/itsme/callback?code=c&state=s", appURL + "/itsme/login"} {
		u, err := whatwg.ParseRef(base, location)
		if err != nil {
			t.Errorf("%q leads to %q, which is no URL: %v", target, location, err)
			return
		}
		if u.Protocol() != "https:" || u.Host() != appHost || u.Username()+u.Password() != "" || strings.HasPrefix(u.Pathname(), "//") {
			t.Errorf("%q leads to %q, which is %s", target, location, u.Href(false))
		}
		if path := u.Pathname(); path == "/itsme" || strings.HasPrefix(path, "/itsme/") {
			t.Errorf("%q leads to the gateway's own %q", target, location)
		}
	}
}
