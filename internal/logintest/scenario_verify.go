package logintest

import (
	"net/http"
	"strings"
	"testing"
)

var verifyScenarios = []Scenario{
	{"verify: no client may call it unless the gateway names proxies", Options{}, verifyOff},
	{"verify: the answer has an app's login in headers, and every other header is empty", Options{Verify: true}, verifyApp},
	{"verify: the answer has a browser's login with a token and without its cookie", Options{Verify: true}, verifyBrowser},
	{"verify: another site's request is refused, whatever the proxy asks with", Options{Verify: true}, verifyCrossSite},
	{"verify: what the site requires counts, and nothing else of it", Options{Verify: true, Require: Require{LoA: "high", MinAge: 18}}, verifyRequire},
	{"verify: a login that has ended is refused", Options{Verify: true}, verifyEnded},
}

// Verify calls /verify as a proxy does that copies the headers of a request.
func (e *Env) Verify(t *testing.T, method, path string, header http.Header) Answer {
	t.Helper()
	r := request(t, method, e.URL+Path+"/verify"+path, "")
	r.Header = header.Clone()
	return e.do(t, bare(), r)
}

func bearerHeader(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// cookieHeader returns the cookies that the browser sends with every request.
func (b *Browser) cookieHeader(t *testing.T) http.Header {
	t.Helper()
	return http.Header{"Cookie": {b.Cookie(t)}}
}

func verifyOff(t *testing.T, e *Env) {
	app := e.NewApp()
	token := app.Login(t, "adult")
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		got := e.Verify(t, method, "", bearerHeader(token))
		other := e.do(t, bare(), request(t, method, e.URL+Path+"/nosuch", ""))
		if got.Status != other.Status || got.Body != other.Body || got.Header.Get("X-Itsme-Subject") != "" {
			t.Errorf("%s: %d %s, where nothing is it is %d %s", method, got.Status, got.Body, other.Status, other.Body)
		}
	}
}

func verifyApp(t *testing.T, e *Env) {
	app := e.NewApp()
	token := app.Login(t, "mononym") // has neither first name nor birth date
	for _, ask := range []struct{ method, path string }{{"GET", ""}, {"HEAD", ""}, {"POST", "/"}, {"DELETE", "/a/b?c=d"}, {"PROPFIND", "/itsme/token"}} {
		got := e.Verify(t, ask.method, ask.path, bearerHeader(token))
		if got.Status != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %s: %d %s", ask.method, ask.path, got.Status, got.Body)
		}
		for name, want := range map[string]string{
			"X-Itsme-Name": "Suharto", "X-Itsme-Acr": "high", "X-Itsme-Given-Name": "", "X-Itsme-Birthdate": "",
			"X-Itsme-Nin": "", "X-Itsme-Email": "", "X-Itsme-Email-Verified": "", "X-Itsme-Itsme-Eid": "", "Cookie": "", "Itsme-Cache": "private",
		} {
			if values := got.Header[name]; len(values) != 1 || values[0] != want {
				t.Errorf("%s %s: %s is %q, want %q", ask.method, ask.path, name, values, want)
			}
		}
		wantMinted(t, e, got.Header.Get("Authorization"), token)
	}
	if got := e.Verify(t, http.MethodGet, "", nil); got.Status != http.StatusUnauthorized || strings.Contains(got.Header.Get("WWW-Authenticate"), "error") || got.Header.Get("Location")+got.Header.Get("Itsme-Cache") != "" {
		t.Errorf("without a login: %d %v", got.Status, got.Header)
	}
	for name, header := range map[string]http.Header{
		"a bad token": bearerHeader("x.y.z"),
		"two tokens":  {"Authorization": {"Bearer " + token, "Bearer " + token}},
	} {
		if got := e.Verify(t, http.MethodGet, "", header); got.Status != http.StatusUnauthorized || got.Text("code") != "invalid_token" || got.Header.Get("X-Itsme-Name") != "" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	e.wantNoUpstream(t)
}

func verifyBrowser(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	header := b.cookieHeader(t)
	header.Set("Cookie", "a=b; "+header.Get("Cookie")+"; c=d")
	header.Set("Sec-Fetch-Mode", "navigate")
	header.Set("Sec-Fetch-Dest", "document")
	got := e.Verify(t, http.MethodGet, "", header)
	if got.Status != http.StatusOK || got.Header.Get("X-Itsme-Subject") == "" || got.Header.Get("Cookie") != "a=b; c=d" {
		t.Fatalf("%d %v", got.Status, got.Header)
	}
	wantMinted(t, e, got.Header.Get("Authorization"), "")
	header.Set("Cookie", "itsme=bad")
	if got := e.Verify(t, http.MethodGet, "", header); got.Status != http.StatusUnauthorized || got.Header.Get("Location") != "" {
		t.Errorf("a bad cookie: %d %v", got.Status, got.Header)
	}
}

func verifyCrossSite(t *testing.T, e *Env) {
	b, token := e.NewBrowser(t), e.NewApp().Login(t, "adult")
	b.Login(t, "/", "adult")
	for _, row := range []struct {
		name, method string
		header       http.Header
		want         int
	}{
		{"a GET", "GET", nil, 200},
		{"a link on another site", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, 200},
		{"the site's own post, asked for with GET", "GET", http.Header{"Origin": {e.URL}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"the site's own post", "POST", http.Header{"Origin": {e.URL}}, 200},
		{"the site's own post without an origin", "POST", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
		{"another site's post, asked for with GET", "GET", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a post that hides its site, asked for with GET", "GET", http.Header{"Origin": {"null"}}, 403},
		{"a post with two origins, asked for with GET", "GET", http.Header{"Origin": {e.URL, "https://evil.example"}}, 403},
		{"another site's post", "POST", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a post from nowhere", "POST", nil, 403},
		{"a delete from a sibling", "DELETE", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"another site's WebSocket", "GET", http.Header{"Upgrade": {"websocket"}, "Origin": {"https://evil.example"}}, 403},
		{"a method that only a header names", "GET", http.Header{"X-Forwarded-Method": {"POST"}}, 200},
	} {
		header := b.cookieHeader(t)
		for name, values := range row.header {
			header[name] = values
		}
		got := e.Verify(t, row.method, "", header)
		if got.Status != row.want || (row.want == 403) != (got.Text("code") == "cross_site") || (row.want == 403) != (got.Header.Get("X-Itsme-Subject") == "") {
			t.Errorf("%s: %d %s, want %d", row.name, got.Status, got.Body, row.want)
		}
		delete(header, "Cookie")
		header["Authorization"] = []string{"Bearer " + token}
		if got := e.Verify(t, row.method, "", header); got.Status != 200 {
			t.Errorf("%s, with a bearer token: %d %s", row.name, got.Status, got.Body)
		}
	}
}

func verifyRequire(t *testing.T, e *Env) {
	app, b := e.NewApp(), e.NewBrowser(t)
	wantStepUp(t, e.Verify(t, "GET", "", bearerHeader(app.LoginAs(t, "substantial", nil).Text("access_token"))), `acr_values="high"`)
	minor := bearerHeader(app.LoginAs(t, "minor", nil).Text("access_token"))
	wantRefused(t, e.Verify(t, "GET", "", minor), "min_age")
	wantRefused(t, e.Verify(t, "GET", "/public/x", minor), "min_age")
	wantAnswer(t, "a path that is public elsewhere", e.Verify(t, "GET", "/public/x", nil), http.StatusUnauthorized)
	b.lowLogin(t, "substantial")
	navigation := b.cookieHeader(t)
	navigation["Sec-Fetch-Mode"], navigation["Sec-Fetch-Dest"] = []string{"navigate"}, []string{"document"}
	wantStepUp(t, e.Verify(t, "GET", "", navigation), `acr_values="high"`)
	wantAnswer(t, "enough", e.Verify(t, "GET", "", bearerHeader(app.LoginAs(t, "adult", nil).Text("access_token"))), http.StatusOK)
}

func verifyEnded(t *testing.T, e *Env) {
	app := e.NewApp()
	token := app.Login(t, "adult")
	wantAnswer(t, "logout", app.Logout(t, token), http.StatusNoContent)
	if got := e.Verify(t, "GET", "", bearerHeader(token)); got.Status != http.StatusUnauthorized || got.Header.Get("Authorization") != "" {
		t.Errorf("after logout: %d %s", got.Status, got.Body)
	}
}
