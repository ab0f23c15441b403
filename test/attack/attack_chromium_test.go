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

// evilHost is a sibling of the fort's host: it can set cookies for both.
const evilHost = "evil.example.be"

// writes is where the forms of the site's pages go.
const writes = "/write"

// pages are what the fort's upstream serves; at any other path it shows who the user is.
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

// street is a fort that a real browser visits: at https://app.example.be behind a front that ends TLS,
// at http://app.example.be without one, and beside it a sibling host of an attacker.
type street struct {
	*fort
	t       *testing.T
	browser *browsertest.Browser

	writing chan *http.Request // to the path writes, once answered
	mu      sync.Mutex
	planted []string        // Set-Cookie lines that the sibling sends
	asked   []*http.Request // that reached the fort through the front
	got     []*http.Request // that reached the upstream
}

func openStreet(t *testing.T) *street {
	t.Helper()
	s := &street{t: t, writing: make(chan *http.Request, 10)}
	upstream := httptest.NewServer(http.HandlerFunc(s.serveUpstream))
	t.Cleanup(upstream.Close)
	s.fort = build(t, "http://"+fortHost+":65000 {\n\titsme\n\treverse_proxy "+upstream.Listener.Addr().String()+"\n}")
	plain := &url.URL{Scheme: "http", Host: s.Addr}
	front := httptest.NewTLSServer(s.front(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(plain)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(front.Close)
	s.browser = browsertest.Start(t, browsertest.Options{Hosts: map[string]string{
		"*.example.be:443":   front.Listener.Addr().String(),
		fortHost + ":80":     s.Addr,
		"evil.example.be:80": "127.0.0.1:1",
	}})
	return s
}

// front answers for the attacker's host itself, and hands what is for the fort's on to it.
func (s *street) front(fort http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Host == evilHost {
			w.Header()["Set-Cookie"] = s.cookies()
			page(w, "<h1>Planted</h1>")
			return
		}
		s.note(r)
		fort.ServeHTTP(w, r)
		if r.URL.Path == writes {
			s.writing <- r
		}
	}
}

func (s *street) cookies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.planted
}

func (s *street) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
}

func (s *street) serveUpstream(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.got = append(s.got, r)
	s.mu.Unlock()
	if serve := pages[r.URL.Path]; serve != nil {
		serve(w)
		return
	}
	page(w, "<h1>"+r.Header.Get("X-Itsme-Subject")+"</h1>")
}

// last is the last request that reached the fort.
func (s *street) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// received takes the requests that reached the upstream.
func (s *street) received() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// plant has the sibling host set these cookies for the whole domain.
func (s *street) plant(tab *browsertest.Page, cookies ...string) {
	s.t.Helper()
	s.mu.Lock()
	s.planted = nil
	for _, cookie := range cookies {
		s.planted = append(s.planted, cookie+"; Domain=example.be; Path=/; Secure")
	}
	s.mu.Unlock()
	tab.Go("https://" + evilHost + "/")
	tab.Reads("h1", "Planted")
}

// login logs the user in by the login page that the tab shows.
func (s *street) login(tab *browsertest.Page) {
	s.t.Helper()
	tab.See("#form button")
	tab.Click("#form button")
	tab.See("a#link[href]")
	link := browsertest.Evaluate[string](tab, `document.getElementById("link").href`)
	tab.Go(fortURL + s.approve(s.t, link))
}

// TestSiblingHostPlantsNoLoginInChromium has a sibling host plant cookies whose names are the gateway's
// but for a blank, which Chromium stores with Domain= and sends. It would log the victim in as the
// attacker, finish the attacker's login in the victim's browser, or lock the victim out.
func TestSiblingHostPlantsNoLoginInChromium(t *testing.T) {
	s := openStreet(t)
	session, _, err := s.authority.IssueSession(token.Claims{Subject: "attacker", ACR: "high", AuthTime: personClaims(nil).AuthTime})
	if err != nil {
		t.Fatal(err)
	}
	started := s.surfer(t)
	back := s.approve(t, started.start("/"))
	login := started.cookies[0]
	for name, blank := range map[string]string{"U+2000": "\u2000", "U+00A0": "\u00a0", "U+FEFF": "\ufeff"} {
		t.Run(name, func(t *testing.T) {
			tab := s.browser.Open(t, browsertest.Tab{NoScript: true})
			s.plant(tab, blank+sessionCookie+"="+session, blank+login.Name+"="+login.Value, sessionCookie+blank+"="+session)

			tab.Go(fortURL + "/account")
			tab.Reads("h1", "Log in with itsme")
			if sent := s.last().Header.Get("Cookie"); !strings.Contains(sent, blank+sessionCookie+"="+session) || !strings.Contains(sent, blank+login.Name) {
				t.Fatalf("Chromium does not send what was planted: %q", sent)
			}
			tab.Go(fortURL + back)
			tab.Reads("h1", "This login did not start in this browser")

			tab.Go(fortURL + "/account")
			s.login(tab)
			subject := tab.See("h1")
			if subject == "attacker" || tab.URL() != fortURL+"/account" {
				t.Errorf("the victim is %q at %s", subject, tab.URL())
			}
			tab.Go(fortURL + "/again")
			tab.Reads("h1", subject)
			for _, r := range s.received() {
				if cookie := r.Header.Get("Cookie"); cookie != "" {
					t.Errorf("the upstream got %q", cookie)
				}
			}
		})
	}
}

// TestFormWithoutReferrerWritesInChromium has a logged-in user press a button of the site's own page,
// which keeps its URL to itself, and visit pages whose forms come from an opaque origin: a sandboxed
// iframe and a sandboxed document, as for what other users uploaded.
func TestFormWithoutReferrerWritesInChromium(t *testing.T) {
	s := openStreet(t)
	tab := s.browser.Open(t, browsertest.Tab{})
	tab.Scripts(false)
	tab.Go(fortURL + "/form")
	s.login(tab)
	tab.Scripts(true)
	for path, own := range map[string]bool{"/form": true, "/framed": false, "/sandboxed": false} {
		tab.Go(fortURL + path)
		s.received()
		if own {
			tab.Click("form button")
		}
		sent := <-s.writing
		site := map[bool]string{true: "same-origin", false: "cross-site"}[own]
		if sent.Header.Get("Origin") != "null" || sent.Header.Get("Sec-Fetch-Site") != site {
			t.Errorf("%s: Chromium sends Origin %q and Sec-Fetch-Site %q", path, sent.Header["Origin"], sent.Header["Sec-Fetch-Site"])
		}
		wrote := false
		for _, r := range s.received() {
			wrote = wrote || r.URL.Path == writes
		}
		if wrote != own {
			t.Errorf("%s: the write reached the upstream: %t", path, wrote)
		}
	}
}

// TestSiteOnPlainHTTPLeadsToLoginInChromium has a user ask for a page, or for the login page itself, by
// http:// where the site answers that, too. No cookie of the gateway works there: the login happens, and
// the user comes back, on the https site.
func TestSiteOnPlainHTTPLeadsToLoginInChromium(t *testing.T) {
	s := openStreet(t)
	for name, script := range map[string]bool{"with a script": true, "without a script": false} {
		for _, path := range []string{"/account?tab=2", "/itsme/login?return_to=%2Faccount%3Ftab%3D2"} {
			t.Run(name+" "+path, func(t *testing.T) {
				tab := s.browser.Open(t, browsertest.Tab{NoScript: !script})
				tab.Go("http://" + fortHost + path)
				tab.Reads("h1", "Log in with itsme")
				end := fortURL + "/account?tab=2"
				switch at := tab.URL(); {
				case strings.HasPrefix(at, fortURL+"/itsme/login?"):
				case script || strings.HasPrefix(path, "/account"):
					t.Fatalf("the login page is %s", at)
				default: // one page more, on the https site, which read nothing of the form
					end = fortURL + "/"
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
					s.login(tab)
				}
				tab.ReadsAmong("h1", "=")
				if at := tab.URL(); at != end {
					t.Errorf("the login ends at %s, want %s", at, end)
				}
			})
		}
	}
}
