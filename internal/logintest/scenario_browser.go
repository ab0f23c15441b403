package logintest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var browserScenarios = []Scenario{
	{"browser: a login ends on the page that was asked for", Options{}, browserSuccess},
	{"browser: the person refuses and can try again", Options{}, browserRefused},
	{"browser: Signicat aborts", Options{}, browserAborted},
	{"browser: a page that is only looked at starts nothing", Options{}, browserPrefetch},
	{"browser: a return without the login's cookie logs no user in", Options{}, browserUnbound},
	{"browser: the same return again is the same login", Options{}, browserReplay},
	{"browser: logout ends the login", Options{}, browserLogout},
	{"browser: another site starts and ends nothing", Options{}, browserCrossSite},
	{"browser: the page that was asked for stays on this origin", Options{}, browserReturnTo},
	{"browser: an API call is refused, not redirected", Options{}, browserAPI},
	{"browser: the login page leads a user who is logged in to the page", Options{}, browserLoggedIn},
	{"browser: a form without a login gets a page", Options{}, browserForm},
	{"browser: a callback with junk behind it is a page", Options{}, browserStray},
	{"browser: the query of a page survives the login", Options{}, browserDeepLink},
	{"browser: a browser that refuses cookies gets a page that says so, and starts nothing", Options{}, browserNoCookies},
}

func browserSuccess(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	got := b.Login(t, "/account?tab=2", "adult")
	if got.Status != http.StatusOK || got.Body != "upstream" {
		t.Fatalf("the page: %d %s", got.Status, got.Body)
	}
	header := e.Upstream.Last()
	if header.Get("X-Itsme-Subject") != e.Signicat.Personas()[0].SubjectID {
		t.Errorf("X-Itsme-Subject is %q", header.Get("X-Itsme-Subject"))
	}
	if header.Get("Cookie") != "" {
		t.Errorf("the upstream saw the cookie")
	}
	wantMinted(t, e, header.Get("Authorization"), "")
	b.Navigate(t, "/account")
	if again := e.Upstream.Last().Get("Authorization"); again != header.Get("Authorization") {
		t.Errorf("the next request was given another token")
	}
	if cookies := b.Cookies(t); len(cookies) != 2 || len(b.sessionCookies(t)) != 1 {
		t.Errorf("cookies left: %v", cookies)
	}
}

func browserRefused(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	back, err := e.Signicat.Refuse(b.Start(t, "/account?tab=2"))
	if err != nil {
		t.Fatal(err)
	}
	page := b.Navigate(t, back)
	if page.Status != http.StatusOK || Link(t, page) != e.URL+Path+"/login?language=en&prompt=login&return_to=%2Faccount%3Ftab%3D2" {
		t.Errorf("the page: %d %s", page.Status, page.Body)
	}
	if len(b.sessionCookies(t)) != 0 {
		t.Errorf("cookies left: %v", b.Cookies(t))
	}
	waitCount(t, e, "cancel_session", 1)
	wantAnswer(t, "the next try", b.Login(t, "/account", "adult"), http.StatusOK)
}

func browserAborted(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	link := b.Start(t, "/")
	back := approve(t, e, link, "adult")
	if err := e.Signicat.Abort(link); err != nil {
		t.Fatal(err)
	}
	if page := b.Navigate(t, back); page.Status != http.StatusBadRequest || !strings.Contains(page.Body, "class=\"action\"") {
		t.Errorf("the page: %d %s", page.Status, page.Body)
	}
	wantAnswer(t, "logged in all the same", b.Navigate(t, "/"), http.StatusSeeOther)
}

func browserPrefetch(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := request(t, method, e.URL+Path+"/login?return_to=/x", "")
		r.Header.Set("Sec-Purpose", "prefetch;prerender")
		got := e.do(t, b.client, r)
		if got.Status != http.StatusNoContent || got.Body != "" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Vary") == "" {
			t.Errorf("%s in advance: %d %v %s", method, got.Status, got.Header, got.Body)
		}
		if len(b.Cookies(t)) != 0 {
			t.Errorf("%s in advance set cookies: %v", method, b.Cookies(t))
		}
		r.Header.Del("Sec-Purpose")
		if got := e.do(t, bare(), r); got.Status != http.StatusOK || got.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d", method, got.Status)
		}
	}
	e.wantCalls(t, "create_session", 0)
}

func browserUnbound(t *testing.T, e *Env) {
	b, stranger := e.NewBrowser(t), e.NewBrowser(t)
	back := approve(t, e, b.Start(t, "/"), "adult")
	code, state := codeAndState(t, back)
	page := stranger.Navigate(t, back)
	if page.Status != http.StatusBadRequest || len(stranger.Cookies(t)) != 0 {
		t.Errorf("the stranger: %d, cookies %v", page.Status, stranger.Cookies(t))
	}
	for _, secret := range []string{code, state, url.QueryEscape(state), strings.Split(state, ":")[0]} {
		if strings.Contains(page.Body, secret) {
			t.Errorf("the page carries the code or state: %s", page.Body)
		}
	}
	if page.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(page.Body, "replaceState") {
		t.Errorf("the page keeps the query: %v %s", page.Header, page.Body)
	}
	e.wantCalls(t, "validate_code", 0)
	wantAnswer(t, "the rightful browser", b.Navigate(t, back), http.StatusSeeOther)
}

func browserReplay(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	back := approve(t, e, b.Start(t, "/account"), "adult")
	first := b.Navigate(t, back)
	if first.Status != http.StatusSeeOther {
		t.Fatalf("the callback: %d %s", first.Status, first.Body)
	}
	before := b.Cookie(t)
	if again := b.Navigate(t, back); again.Status != http.StatusSeeOther || again.Header.Get("Location") != "/account" || b.Cookie(t) != before {
		t.Errorf("the callback again: %d %v %s", again.Status, again.Header, again.Body)
	}
	wantAnswer(t, "the login is gone", b.Navigate(t, "/account"), http.StatusOK)
	e.wantCalls(t, "validate_code", 1)
}

func browserLogout(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	got := b.Submit(t, Path+"/logout", url.Values{})
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != e.URL+Path+"/login?page=logged_out" {
		t.Errorf("logout: %d %v", got.Status, got.Header)
	}
	if page := b.Navigate(t, got.Header.Get("Location")); page.Status != http.StatusOK || Link(t, page) != e.URL+Path+"/login?language=en&prompt=login" {
		t.Errorf("the page after it: %d %s", page.Status, page.Body)
	}
	if len(b.Cookies(t)) != 0 {
		t.Errorf("cookies left: %v", b.Cookies(t))
	}
}

func browserCrossSite(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	for _, origin := range []string{"https://evil.example", "null", ""} {
		if got := b.SubmitFrom(t, origin, Path+"/login", url.Values{}); got.Status != http.StatusForbidden {
			t.Errorf("a login from %q: %d", origin, got.Status)
		}
	}
	e.wantCalls(t, "create_session", 0)
	b.Login(t, "/", "adult")
	for _, target := range []string{Path + "/logout", "/account"} {
		if got := b.SubmitFrom(t, "https://evil.example", target, url.Values{}); got.Status != http.StatusForbidden {
			t.Errorf("a post from elsewhere to %s: %d", target, got.Status)
		}
	}
	seen := e.Upstream.Count()
	if got := b.Submit(t, "/account", url.Values{}); got.Status != http.StatusOK || e.Upstream.Count() != seen+1 {
		t.Errorf("the site's own post: %d %s", got.Status, got.Body)
	}
}

func browserReturnTo(t *testing.T, e *Env) {
	for _, evil := range []string{"//evil.example", `/\evil.example`, "/\t/evil.example", "https://evil.example", "/%2f/evil.example", "/..//evil.example", "／／evil.example"} {
		b := e.NewBrowser(t)
		answer := b.Submit(t, Path+"/login", url.Values{"return_to": {evil}})
		back := b.Navigate(t, approve(t, e, Link(t, answer), "adult"))
		if back.Status != http.StatusSeeOther || back.Header.Get("Location") != "/" {
			t.Errorf("%q leads to %d %q", evil, back.Status, back.Header.Get("Location"))
		}
	}
}

func browserAPI(t *testing.T, e *Env) {
	for name, header := range map[string]http.Header{
		"a script's request": {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Accept": {"text/html"}},
		"an image":           {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}},
		"an old script":      {"Accept": {"text/html"}, "X-Requested-With": {"XMLHttpRequest"}},
		"curl":               {"Accept": {"*/*"}},
	} {
		r := request(t, http.MethodGet, e.URL+"/account", "")
		r.Header = header
		wantAnswer(t, name, e.do(t, bare(), r), http.StatusUnauthorized)
	}
	r := request(t, http.MethodGet, e.URL+"/account", "")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	if got := e.do(t, bare(), r); got.Status != http.StatusSeeOther || !slices.Contains(got.Header["Location"], e.URL+Path+"/login?return_to=%2Faccount") {
		t.Errorf("an old browser: %d %v", got.Status, got.Header)
	}
}

func browserNoCookies(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	link := b.Start(t, "/account")
	b.client.Jar = nil
	page := b.Navigate(t, Path+"/login?return_to=/account")
	started := e.Signicat.Count("create_session")
	refused := b.Submit(t, Path+"/login", hiddenFields(page))
	if refused.Status != http.StatusBadRequest || !strings.Contains(refused.Body, "Cookies are switched off") || Link(t, refused) != e.URL+Path+"/login?language=en&prompt=login&return_to=%2Faccount" {
		t.Errorf("the login form: %d %s", refused.Status, refused.Body)
	}
	e.wantCalls(t, "create_session", started)
	back := b.Navigate(t, approve(t, e, link, "adult"))
	if back.Status != http.StatusBadRequest || !strings.Contains(back.Body, "this browser keeps no cookies") {
		t.Errorf("the return: %d %s", back.Status, back.Body)
	}
}

// browserLoggedIn opens the login page with a session. Only a plain navigation leads on.
func browserLoggedIn(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	started := e.Signicat.Count("create_session")
	const login = Path + "/login?return_to=%2Faccount"
	if got := b.Navigate(t, login); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/account" {
		t.Errorf("the login page: %d %v", got.Status, got.Header)
	}
	if got := b.Navigate(t, Path+"/login?return_to=//evil.example"); got.Header.Get("Location") != "/" {
		t.Errorf("another site: %d %v", got.Status, got.Header)
	}
	for _, query := range []string{"&acr_values=high", "&max_age=300", "&page=logged_out", "&prompt=login", "&prompt="} {
		wantAnswer(t, query, b.Navigate(t, login+query), http.StatusOK)
	}
	page := b.Navigate(t, login+"&prompt=login")
	if !strings.Contains(page.Body, "prompt=login&amp;return_to=%2Faccount") {
		t.Errorf("the links to other languages lose prompt: %s", page.Body)
	}
	for _, r := range []*http.Request{request(t, http.MethodHead, e.URL+login, ""), request(t, http.MethodGet, e.URL+login, "")} {
		if r.Method == http.MethodGet {
			r.Header.Set("Sec-Fetch-Mode", "cors")
		}
		if got := e.do(t, b.client, r); got.Status != http.StatusOK {
			t.Errorf("%s that is no navigation: %d", r.Method, got.Status)
		}
	}
	e.wantCalls(t, "create_session", started)
}

// browserForm submits a form whose login is over.
func browserForm(t *testing.T, e *Env) {
	r := request(t, http.MethodPost, e.URL+"/send", "a=b")
	for name, value := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html", "Origin": e.URL, "Referer": e.URL + "/form?tab=2",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept-Language": "en",
	} {
		r.Header.Set(name, value)
	}
	got := e.do(t, bare(), r)
	if got.Status != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") == "" || !strings.Contains(got.Body, "What you sent was not processed") {
		t.Errorf("the form: %d %v %s", got.Status, got.Header, got.Body)
	}
	if link := Link(t, got); link != e.URL+Path+"/login?language=en&prompt=login&return_to=%2Fform%3Ftab%3D2" {
		t.Errorf("the button leads to %q", link)
	}
	e.wantNoUpstream(t)
}

// browserStray opens URLs that are almost a redirect URL. Each shows a page, and none uses the code.
func browserStray(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	back := approve(t, e, b.Start(t, "/account"), "adult")
	for _, stray := range []string{"/callback/", "/Callback", "/CALLBACK", "/callback)", "/callback%20", "/callback/x", "/app/callback/", "/app/Callback."} {
		got := b.Navigate(t, strings.Replace(back, "/callback", stray, 1))
		if got.Status != http.StatusNotFound || !strings.Contains(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(got.Body, "replaceState") {
			t.Errorf("%s: %d %s", stray, got.Status, got.Body)
		}
	}
	wantAnswer(t, "the callback itself", b.Navigate(t, back), http.StatusSeeOther)
}

// browserDeepLink asks for a page with characters in its query that browsers do not encode.
func browserDeepLink(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	back := b.Navigate(t, approve(t, e, b.Start(t, "/list?f={x|y}^`z"), "adult"))
	if got := back.Header.Get("Location"); got != "/list?f=%7Bx%7Cy%7D%5E%60z" {
		t.Errorf("the login leads to %q", got)
	}
}
