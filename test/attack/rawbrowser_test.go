package attack_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// rawBrowser is a user's browser whose requests the test writes line by line. It keeps cookies in the order in
// which browsers send them (RFC 6265 section 5.4), and follows no redirect.
type rawBrowser struct {
	t       *testing.T
	env     *env
	cookies []*http.Cookie
}

func (e *env) browser(t *testing.T) *rawBrowser { return &rawBrowser{t: t, env: e} }

// fromOwnPage is what browsers send with a form of a page of [appURL].
const fromOwnPage = "Origin: " + appURL + "\r\nSec-Fetch-Site: same-origin\r\n"

// navigation is what browsers send when a user opens a page.
const navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n"

// send sends a request with the browser's cookies, and keeps the cookies of the answer.
func (b *rawBrowser) send(method, target, body string, lines ...string) rawhttptest.Answer {
	b.t.Helper()
	if body != "" || method != http.MethodGet {
		lines = append(lines, "Content-Length: "+strconv.Itoa(len(body))+"\r\n")
	}
	return b.take(b.env.send(head(method, target, b.env.host, append(lines, b.cookieLine())...) + "\r\n" + body))
}

// get sends a GET request.
func (b *rawBrowser) get(target string, lines ...string) rawhttptest.Answer {
	b.t.Helper()
	return b.send(http.MethodGet, target, "", lines...)
}

// navigate opens a page.
func (b *rawBrowser) navigate(target string) rawhttptest.Answer {
	b.t.Helper()
	return b.get(target, navigation)
}

// submit posts a form to a gateway endpoint.
func (b *rawBrowser) submit(path string, form url.Values, lines ...string) rawhttptest.Answer {
	b.t.Helper()
	return b.send(http.MethodPost, logintest.Path+path, form.Encode(), append(lines, "Content-Type: "+formType+"\r\n")...)
}

// submitOwn is submit from a page of the gateway.
func (b *rawBrowser) submitOwn(path string, form url.Values) rawhttptest.Answer {
	b.t.Helper()
	return b.submit(path, form, "Origin: "+b.env.publicURL+"\r\nSec-Fetch-Site: same-origin\r\n")
}

func (b *rawBrowser) cookieLine() string {
	if len(b.cookies) == 0 {
		return ""
	}
	var pairs []string
	for _, c := range b.cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// take keeps and deletes the cookies of an answer. A cookie that a browser would refuse fails the test.
func (b *rawBrowser) take(a rawhttptest.Answer) rawhttptest.Answer {
	b.t.Helper()
	name, https := "itsme", strings.HasPrefix(b.env.publicURL, "https:")
	if https {
		name = sessionCookie
	}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Secure != https || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, name) {
			b.t.Errorf("a browser does not keep %q", c.Raw)
		}
		i := slices.IndexFunc(b.cookies, func(kept *http.Cookie) bool { return kept.Name == c.Name })
		switch {
		case i >= 0 && c.MaxAge < 0:
			b.cookies = slices.Delete(b.cookies, i, i+1)
		case i >= 0:
			b.cookies[i] = c
		case c.MaxAge > 0:
			b.cookies = append(b.cookies, c)
		}
	}
	return a
}

// plant puts a cookie into the browser.
func (b *rawBrowser) plant(name, value string) {
	b.cookies = append(b.cookies, &http.Cookie{Name: name, Value: value})
}

// copy returns another browser with the same cookies.
func (b *rawBrowser) copy() *rawBrowser {
	return &rawBrowser{t: b.t, env: b.env, cookies: slices.Clone(b.cookies)}
}

// names returns the names of the cookies.
func (b *rawBrowser) names() (names []string) {
	for _, c := range b.cookies {
		names = append(names, c.Name)
	}
	return names
}

// value returns the value of a cookie. It is empty when there is none.
func (b *rawBrowser) value(name string) string {
	for _, c := range b.cookies {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// start presses the button of the login page and returns the link that opens itsme.
func (b *rawBrowser) start(returnTo string) (link string) {
	b.t.Helper()
	answer := b.submitOwn("/login", url.Values{"return_to": {returnTo}})
	if answer.Status != http.StatusOK {
		b.t.Fatalf("starting: %d %s", answer.Status, answer.Body)
	}
	return linkOf(b.t, answer)
}

// loggedIn reports whether the site serves the browser a protected page.
func (b *rawBrowser) loggedIn() bool {
	b.t.Helper()
	return b.get("/account").Status == http.StatusOK
}

// wantFinished checks that the browser which started a login can still finish it.
func (b *rawBrowser) wantFinished(target string) {
	b.t.Helper()
	if answer := b.get(target); answer.Status != http.StatusSeeOther || !b.loggedIn() {
		b.t.Errorf("the browser that started the login is refused: %d", answer.Status)
	}
}

// wantRedeemed checks that the app which started a login can still finish it.
func wantRedeemed(t *testing.T, app *logintest.App, code, state string) {
	t.Helper()
	if answer := app.Redeem(t, code, state); answer.Status != http.StatusOK {
		t.Errorf("the app that started the login is refused: %d %s", answer.Status, answer.Text("error"))
	}
}

// approve approves a login. It returns the redirect URL as a request target.
func (e *env) approve(t *testing.T, link string) (target string) {
	t.Helper()
	target, _, _ = e.approved(t, link)
	return target
}

// login logs the user in and returns the answer at the redirect URL.
func (b *rawBrowser) login(returnTo string) rawhttptest.Answer {
	b.t.Helper()
	answer := b.navigate(b.env.approve(b.t, b.start(returnTo)))
	if answer.Status != http.StatusSeeOther || b.value(sessionCookie) == "" {
		b.t.Fatalf("the callback: %d %s", answer.Status, answer.Body)
	}
	return answer
}

var (
	buttonLink  = regexp.MustCompile(`class="action" href="([^"]+)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

func linkOf(t *testing.T, page rawhttptest.Answer) string {
	t.Helper()
	found := buttonLink.FindStringSubmatch(page.Body)
	if found == nil {
		t.Fatalf("no button on the page: %d %s", page.Status, page.Body)
	}
	return html.UnescapeString(found[1])
}

// fields are the hidden fields of a page's form.
func fields(page rawhttptest.Answer) map[string]string {
	all := map[string]string{}
	for _, found := range hiddenField.FindAllStringSubmatch(page.Body, -1) {
		all[found[1]] = html.UnescapeString(found[2])
	}
	return all
}
