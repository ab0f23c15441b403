package attack_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule" // the module of the Caddyfiles
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// env is a Caddy that is attacked, the simulator behind it, and an upstream that keeps every byte it gets.
// A test that needs no login issues its tokens with the signing key.
type env struct {
	*caddytest.Server
	*logintest.Env

	URL       string // of Caddy, on loopback
	publicURL string // of the gateway that the tokens below belong to
	host      string // where ask sends requests

	t            *testing.T
	upstream     *rawhttptest.Upstream
	accessTokens *tokenRecorder
	key          []byte // PEM; signs where the Caddyfile has KEY
	keys         *token.Keys
	authority    *token.Authority
	started      time.Time
}

// newEnv runs a Caddyfile whose gateway has Caddy's own address as its public URL. In the Caddyfile SIGNICAT
// stands for the block signicat, KEY for the file of the signing key, UPSTREAM for the upstream's address.
func newEnv(t *testing.T, caddyfile string) *env {
	t.Helper()
	return runEnv(t, "", func(replace *strings.Replacer) *caddytest.Server {
		return caddytest.Run(t, replace.Replace(caddyfile))
	})
}

const (
	appHost = "app.example.be"
	appURL  = "https://" + appHost
	// appPort stands in the addresses of sites for the port that Caddy gets.
	appPort = "65000"
)

// newAppEnv runs sites, and a gateway with [appURL] as its public URL: a proxy in front ends TLS. Caddy answers
// HTTP/1.1 and HTTP/2 in cleartext. Each option is more lines of the gateway.
func newAppEnv(t *testing.T, sites string, options ...string) *env {
	t.Helper()
	caddyfile := `{
		servers {
			protocols h1 h2c
		}
		itsme {
			public_url ` + appURL + `
			SIGNICAT
			attributes name nin
			app_link ios     ` + logintest.IOSApp + `
			app_link android ` + logintest.AndroidApp + ` ` + logintest.AndroidFingerprint + `
			limit {
				sessions_per_client 100000 1m
			}
			token {
				claims name nin
				key    KEY
			}
			` + strings.Join(options, "\n") + `
		}
	}
	` + sites
	return runEnv(t, appURL, func(replace *strings.Replacer) *caddytest.Server {
		config, err := caddytest.Adapt(replace.Replace(caddyfile))
		if err != nil {
			t.Fatal(err)
		}
		return caddytest.RunJSON(t, strings.ReplaceAll(string(config), `":`+appPort+`"`, `"`+caddytest.Address+`"`))
	})
}

// runEnv starts the simulator, the upstream and Caddy. An empty public URL is Caddy's own.
func runEnv(t *testing.T, publicURL string, run func(*strings.Replacer) *caddytest.Server) *env {
	t.Helper()
	e := &env{t: t, publicURL: publicURL, upstream: rawhttptest.NewUpstream(t), key: keystest.PEM(t), started: time.Now()}
	e.keys = keystest.Parse(t, e.key)
	listener := caddytest.Listen(t)
	signicatURL := "http://" + listener.Addr().String()
	e.Server = run(strings.NewReplacer("UPSTREAM", e.upstream.Addr(), "KEY", keystest.File(t, e.key), "SIGNICAT", `signicat {
			client_id     `+signicattest.DefaultClientID+`
			client_secret `+signicattest.DefaultClientSecret+`
			api_url       `+signicatURL+`
		}`))
	if e.URL = e.Server.URL; publicURL == "" {
		e.publicURL = e.URL
	}
	_, e.host, _ = strings.Cut(e.publicURL, "://")
	simulator, err := signicattest.New(signicattest.Config{
		BaseURL:           signicatURL,
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{e.publicURL + logintest.Path + "/callback", e.publicURL + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	e.accessTokens = &tokenRecorder{Handler: simulator.Handler()}
	web := &httptest.Server{Listener: listener, Config: &http.Server{Handler: e.accessTokens}}
	web.Start()
	t.Cleanup(web.Close)
	e.Env = &logintest.Env{URL: e.URL, Signicat: simulator, Check: apitest.Check}
	e.authority = newAuthority(t, e.publicURL, e.keys, time.Now)
	return e
}

// protectedSite protects a whole site with a gateway that has more lines at OPTIONS.
const protectedSite = `{
	SERVERS
	itsme {
		public_url http://{{addr}}
		SIGNICAT
		attributes name firstName lastName dateOfBirth nin
		OPTIONS
	}
}
http://{{addr}} {
	itsme
	reverse_proxy UPSTREAM
}`

// newLoginEnv is an environment in which users log in while an attacker acts. Each option is more lines of the
// gateway.
func newLoginEnv(t *testing.T, options ...string) *env {
	t.Helper()
	return newEnv(t, strings.NewReplacer("SERVERS", "", "OPTIONS", strings.Join(options, "\n")).Replace(protectedSite))
}

// approved approves a login. It returns the redirect URL as a request target, and the code and state in it.
func (e *env) approved(t *testing.T, link string) (target, code, state string) {
	t.Helper()
	back, err := e.Signicat.Approve(link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI(), u.Query().Get("code"), u.Query().Get("state")
}

// send sends a request as it is.
func (e *env) send(request string) rawhttptest.Answer {
	e.t.Helper()
	return rawhttptest.Do(e.t, e.Addr, request)
}

// ask sends a request without a body to the gateway's host, with more header lines.
func (e *env) ask(method, target string, lines ...string) rawhttptest.Answer {
	e.t.Helper()
	return e.send(head(method, target, e.host, lines...) + "\r\n")
}

// head returns a request up to the empty line.
func head(method, target, host string, lines ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(lines, "")
}

// wantRefused checks that a request was refused, caused no call to Signicat, and sent nothing to the upstream.
func (e *env) wantRefused(t *testing.T, answer rawhttptest.Answer, status int) {
	t.Helper()
	if answer.Status != status {
		t.Errorf("got %d %q, want %d", answer.Status, answer.Body, status)
	}
	if answer.Status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate is %q", answer.Header.Get("WWW-Authenticate"))
	}
	if got := e.upstream.Take(); len(got) != 0 {
		t.Errorf("the upstream got %q", got)
	}
	if calls := e.Signicat.Counts(); len(calls) != 0 {
		t.Errorf("Signicat was called: %v", calls)
	}
}

// wantSubject checks that a request reached the upstream with the identity of a user.
func (e *env) wantSubject(t *testing.T, answer rawhttptest.Answer, subject string) {
	t.Helper()
	got := strings.Join(e.upstream.Take(), "")
	if answer.Status != http.StatusOK || strings.Count(got, "X-Itsme-Subject: ") != 1 || !strings.Contains(got, "\r\nX-Itsme-Subject: "+subject+"\r\n") {
		t.Errorf("got %d, want it to reach the upstream as %s: %q", answer.Status, subject, got)
	}
}
