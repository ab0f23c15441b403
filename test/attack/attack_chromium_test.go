package attack_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// evilHost is a sibling of the site's host. It can set cookies for both.
const evilHost = "evil.example.be"

// writes is the path that the forms of the site's pages post to.
const writes = "/write"

// pages are the pages of the upstream. At any other path it shows the subject of the user.
var pages = map[string]func(w http.ResponseWriter){
	"/form": func(w http.ResponseWriter) {
		w.Header().Set("Referrer-Policy", "no-referrer")
		page(w, `<form method="post" action="/write"><button>Write</button></form>`)
	},
	"/framed": func(w http.ResponseWriter) {
		page(w, `<iframe sandbox="allow-forms allow-scripts" srcdoc="<form method=post action=/write></form><script>document.forms[0].submit()</script>"></iframe>`)
	},
	"/sandboxed": func(w http.ResponseWriter) {
		w.Header().Set("Content-Security-Policy", "sandbox allow-forms allow-scripts")
		page(w, `<form method="post" action="/write"></form><script>document.forms[0].submit()</script>`)
	},
}

func page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<!DOCTYPE html><html lang=en><title>x</title>" + body))
}

// chromiumEnv is an environment that Chromium visits: at https://app.example.be through a proxy that ends TLS,
// and at http://app.example.be without one. An attacker has a sibling host.
type chromiumEnv struct {
	*env
	t       *testing.T
	browser *browsertest.Browser

	writing chan *http.Request // requests to writes, after their answer
	mu      sync.Mutex
	planted []string        // Set-Cookie lines of the attacker's host
	asked   []*http.Request // requests that reached the site through the proxy
	got     []*http.Request // requests that reached the upstream
}

func newChromiumEnv(t *testing.T) *chromiumEnv {
	t.Helper()
	c := &chromiumEnv{t: t, writing: make(chan *http.Request, 10)}
	upstream := httptest.NewServer(http.HandlerFunc(c.serveUpstream))
	t.Cleanup(upstream.Close)
	c.env = newAppEnv(t, "http://"+appHost+":65000 {\n\titsme\n\treverse_proxy "+upstream.Listener.Addr().String()+"\n}")
	plain := &url.URL{Scheme: "http", Host: c.Addr}
	front := httptest.NewTLSServer(c.front(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(plain)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(front.Close)
	c.browser = browsertest.Start(t, browsertest.Options{Hosts: map[string]string{
		"*.example.be:443":   front.Listener.Addr().String(),
		appHost + ":80":      c.Addr,
		"evil.example.be:80": "127.0.0.1:1",
	}})
	return c
}

// front answers for the attacker's host, and passes other requests on to the site.
func (c *chromiumEnv) front(site http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Host == evilHost {
			w.Header()["Set-Cookie"] = c.cookies()
			page(w, "<h1>Planted</h1>")
			return
		}
		c.note(r)
		site.ServeHTTP(w, r)
		if r.URL.Path == writes {
			c.writing <- r
		}
	}
}

func (c *chromiumEnv) cookies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.planted
}

func (c *chromiumEnv) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, r)
}

func (c *chromiumEnv) serveUpstream(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.got = append(c.got, r)
	c.mu.Unlock()
	if serve := pages[r.URL.Path]; serve != nil {
		serve(w)
		return
	}
	page(w, "<h1>"+r.Header.Get("X-Itsme-Subject")+"</h1>")
}

// last returns the latest request that reached the site.
func (c *chromiumEnv) last() *http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[len(c.asked)-1]
}

// received takes the requests that reached the upstream.
func (c *chromiumEnv) received() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

// plant lets the attacker's host set cookies for the whole domain.
func (c *chromiumEnv) plant(tab *browsertest.Page, cookies ...string) {
	c.t.Helper()
	c.mu.Lock()
	c.planted = nil
	for _, cookie := range cookies {
		c.planted = append(c.planted, cookie+"; Domain=example.be; Path=/; Secure")
	}
	c.mu.Unlock()
	tab.Go("https://" + evilHost + "/")
	tab.Reads("h1", "Planted")
}

// login logs the user in with the login page that the tab shows.
func (c *chromiumEnv) login(tab *browsertest.Page) {
	c.t.Helper()
	tab.See("#form button")
	tab.Click("#form button")
	tab.See("a#link[href]")
	link := browsertest.Evaluate[string](tab, `document.getElementById("link").href`)
	tab.Go(appURL + c.approve(c.t, link))
}

// TestSiblingHostPlantsNoLoginInChromium has an attacker on a sibling host plant cookies whose names are the
// gateway's plus a blank. Chromium stores them with Domain= and sends them. A gateway that trims the blank
// logs the victim in as the attacker, finishes the attacker's login in the victim's browser, or locks the
// victim out.
func TestSiblingHostPlantsNoLoginInChromium(t *testing.T) {
	c := newChromiumEnv(t)
	session, _, err := c.authority.IssueSession(token.Claims{Subject: "attacker", ACR: "high", AuthTime: personClaims(nil).AuthTime})
	if err != nil {
		t.Fatal(err)
	}
	started := c.env.browser(t)
	back := c.approve(t, started.start("/"))
	login := started.cookies[0]
	for name, blank := range map[string]string{"U+2000": "\u2000", "U+00A0": "\u00a0", "U+FEFF": "\ufeff"} {
		t.Run(name, func(t *testing.T) {
			tab := c.browser.Open(t, browsertest.Tab{NoScript: true})
			c.plant(tab, blank+sessionCookie+"="+session, blank+login.Name+"="+login.Value, sessionCookie+blank+"="+session)

			tab.Go(appURL + "/account")
			tab.Reads("h1", "Log in with itsme")
			if sent := c.last().Header.Get("Cookie"); !strings.Contains(sent, blank+sessionCookie+"="+session) || !strings.Contains(sent, blank+login.Name) {
				t.Fatalf("Chromium does not send what was planted: %q", sent)
			}
			tab.Go(appURL + back)
			tab.Reads("h1", "This login began in another browser")

			tab.Go(appURL + "/account")
			c.login(tab)
			subject := tab.See("h1")
			if subject == "attacker" || tab.URL() != appURL+"/account" {
				t.Errorf("the victim is %q at %s", subject, tab.URL())
			}
			tab.Go(appURL + "/again")
			tab.Reads("h1", subject)
			for _, r := range c.received() {
				if cookie := r.Header.Get("Cookie"); cookie != "" {
					t.Errorf("the upstream got %q", cookie)
				}
			}
		})
	}
}

// TestFormWithoutReferrerWritesInChromium has a logged-in user press a button on a page of the site that sends
// no referrer. It then opens pages whose forms come from an opaque origin: a sandboxed iframe and a sandboxed
// document, as a site uses for uploads of other users. Only the button may write.
func TestFormWithoutReferrerWritesInChromium(t *testing.T) {
	c := newChromiumEnv(t)
	tab := c.browser.Open(t, browsertest.Tab{})
	tab.Scripts(false)
	tab.Go(appURL + "/form")
	c.login(tab)
	tab.Scripts(true)
	for path, own := range map[string]bool{"/form": true, "/framed": false, "/sandboxed": false} {
		tab.Go(appURL + path)
		c.received()
		if own {
			tab.Click("form button")
		}
		sent := <-c.writing
		site := map[bool]string{true: "same-origin", false: "cross-site"}[own]
		if sent.Header.Get("Origin") != "null" || sent.Header.Get("Sec-Fetch-Site") != site {
			t.Errorf("%s: Chromium sends Origin %q and Sec-Fetch-Site %q", path, sent.Header["Origin"], sent.Header["Sec-Fetch-Site"])
		}
		wrote := false
		for _, r := range c.received() {
			wrote = wrote || r.URL.Path == writes
		}
		if wrote != own {
			t.Errorf("%s: the write reached the upstream: %t", path, wrote)
		}
	}
}

// TestSiteOnPlainHTTPLeadsToLoginInChromium has a user open a page, or the login page, by http:// at a site
// that answers there too. The gateway's cookies do not work on http. The login takes place, and ends, on the
// https site.
func TestSiteOnPlainHTTPLeadsToLoginInChromium(t *testing.T) {
	c := newChromiumEnv(t)
	for name, script := range map[string]bool{"with a script": true, "without a script": false} {
		for _, path := range []string{"/account?tab=2", "/itsme/login?return_to=%2Faccount%3Ftab%3D2"} {
			t.Run(name+" "+path, func(t *testing.T) {
				tab := c.browser.Open(t, browsertest.Tab{NoScript: !script})
				tab.Go("http://" + appHost + path)
				tab.Reads("h1", "Log in with itsme")
				end := appURL + "/account?tab=2"
				switch at := tab.URL(); {
				case strings.HasPrefix(at, appURL+"/itsme/login?"):
				case script || strings.HasPrefix(path, "/account"):
					t.Fatalf("the login page is %s", at)
				default: // one more page on the https site, which did not read the form
					end = appURL + "/"
					tab.Click("#form button")
					tab.Reads("h1", "This request came from another site")
					tab.Click("a.action")
					tab.Reads("h1", "Log in with itsme")
				}
				if script {
					release := tab.Press("#link")
					tab.Exists("#link[href]")
					release()
					tab.Click("button[value=approve]")
				} else {
					c.login(tab)
				}
				tab.ReadsAmong("h1", "=")
				if at := tab.URL(); at != end {
					t.Errorf("the login ends at %s, want %s", at, end)
				}
			})
		}
	}
}
