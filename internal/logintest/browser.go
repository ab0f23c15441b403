package logintest

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Browser is a user's browser. It keeps cookies, sends the fetch metadata of browsers, and follows redirects
// only when the test does.
type Browser struct {
	env    *Env
	client *http.Client
}

// NewBrowser makes a browser without cookies.
func (e *Env) NewBrowser(t *testing.T) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := bare()
	client.Jar = jar
	return &Browser{env: e, client: client}
}

// Navigate loads a page of the site, by a path or a whole URL.
func (b *Browser) Navigate(t *testing.T, target string) Answer {
	t.Helper()
	r := request(t, http.MethodGet, b.absolute(target), "")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html")
	return b.env.do(t, b.client, r)
}

// Submit posts a form of the site's own pages.
func (b *Browser) Submit(t *testing.T, target string, form url.Values) Answer {
	t.Helper()
	return b.SubmitFrom(t, b.env.URL, target, form)
}

// SubmitFrom posts a form of another origin's page. An empty origin sends no Origin.
func (b *Browser) SubmitFrom(t *testing.T, origin, target string, form url.Values) Answer {
	t.Helper()
	r := request(t, http.MethodPost, b.absolute(target), form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return b.env.do(t, b.client, r)
}

func (b *Browser) absolute(target string) string {
	if strings.HasPrefix(target, "/") {
		return b.env.URL + target
	}
	return target
}

var (
	action = regexp.MustCompile(`class="action" href="([^"]+)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// Start requests a protected page, follows to the login page, and presses the button. It returns the link
// that opens itsme.
func (b *Browser) Start(t *testing.T, path string) string {
	t.Helper()
	sent := b.Navigate(t, path)
	if sent.Status != http.StatusSeeOther {
		t.Fatalf("a protected page: %d %s", sent.Status, sent.Body)
	}
	page := b.Navigate(t, sent.Header.Get("Location"))
	opened := b.Submit(t, Path+"/login", hiddenFields(page))
	if opened.Status != http.StatusOK {
		t.Fatalf("the login form: %d %s", opened.Status, opened.Body)
	}
	return Link(t, opened)
}

// hiddenFields returns those of the form on a page.
func hiddenFields(page Answer) url.Values {
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(page.Body, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}

// Link returns the target of a page's button.
func Link(t *testing.T, page Answer) string {
	t.Helper()
	found := action.FindStringSubmatch(page.Body)
	if found == nil {
		t.Fatalf("no button on the page: %s", page.Body)
	}
	return html.UnescapeString(found[1])
}

// Login logs a persona in. It returns the answer for the page that was requested.
func (b *Browser) Login(t *testing.T, path, persona string) Answer {
	t.Helper()
	back := b.Navigate(t, approve(t, b.env, b.Start(t, path), persona))
	if back.Status != http.StatusSeeOther {
		t.Fatalf("the callback: %d %s", back.Status, back.Body)
	}
	return b.Navigate(t, back.Header.Get("Location"))
}

// Cookies returns the names of the cookies that the browser holds for the site.
func (b *Browser) Cookies(t *testing.T) []string {
	t.Helper()
	u, err := url.Parse(b.env.URL)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range b.client.Jar.Cookies(u) {
		names = append(names, c.Name)
	}
	return names
}

// sessionCookies returns the names of the browser's cookies, without those of finished logins.
func (b *Browser) sessionCookies(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(b.Cookies(t), func(name string) bool { return strings.Contains(name, "-l-") })
}

// Cookie returns the Cookie header that the browser sends to the site.
func (b *Browser) Cookie(t *testing.T) string {
	t.Helper()
	r := request(t, http.MethodGet, b.env.URL, "")
	for _, c := range b.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r.Header.Get("Cookie")
}

// steal copies another browser's cookies.
func (b *Browser) steal(t *testing.T, from *Browser) {
	t.Helper()
	u, err := url.Parse(b.env.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, from.client.Jar.Cookies(u))
}
