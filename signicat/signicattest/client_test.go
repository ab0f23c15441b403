package signicattest_test

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// client speaks to a simulator with net/http, and with no type of the simulator.
type client struct {
	t     *testing.T
	sim   *signicattest.Server
	http  *http.Client
	token string
}

// start runs a simulator for one test and gets an access token.
func start(t *testing.T, cfg signicattest.Config) *client {
	t.Helper()
	sim, err := signicattest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	transport := trusting(sim)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		sim.Close()
	})
	c := &client{t: t, sim: sim, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.authenticate(cmp.Or(cfg.ClientID, signicattest.DefaultClientID), cmp.Or(cfg.ClientSecret, signicattest.DefaultClientSecret))
	return c
}

// trusting speaks HTTP/2 with a simulator that has TLS.
func trusting(sim *signicattest.Server) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: sim.RootCAs()}, ForceAttemptHTTP2: true}
}

// on is the client in another test, which may run beside this one.
func (c *client) on(t *testing.T) *client {
	other := *c
	other.t = t
	return &other
}

func (c *client) authenticate(id, secret string) {
	c.t.Helper()
	r := c.form(url.Values{
		"grant_type": {"client_credentials"}, "scope": {"signicat-api"}, "client_id": {id}, "client_secret": {secret},
	})
	c.token = r.text("access_token")
	if r.status != http.StatusOK || c.token == "" {
		c.t.Fatalf("access token: %d %s", r.status, r.body)
	}
}

// reply is an answer that was read to its end.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (r reply) text(path ...string) string {
	v, _ := r.member(path...).(string)
	return v
}

func (r reply) member(path ...string) any {
	var v any = r.json
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// send is one request; the access token and the content type are set unless header has them.
func (c *client) send(method, path, body string, header http.Header) (reply, error) {
	if !strings.HasPrefix(path, "http") {
		path = c.sim.URL + path
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header = http.Header{"Authorization": {"Bearer " + c.token}}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	got := reply{t: c.t, status: response.StatusCode, header: response.Header, body: string(b)}
	_ = json.Unmarshal(b, &got.json)
	return got, err
}

func (c *client) do(method, path, body string, header http.Header) reply {
	c.t.Helper()
	r, err := c.send(method, path, body, header)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// form asks for an access token.
func (c *client) form(form url.Values) reply {
	c.t.Helper()
	return c.do(http.MethodPost, tokenPath, form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// login is one session as its creator knows it.
type login struct {
	c                  *client
	id, url, tx, state string
}

const sessionBody = `{"flow":"headless","allowedProviders":["itsme"],"requestedAttributes":["name","firstName","lastName","dateOfBirth","nin"]}`

func (c *client) login(body string) login {
	c.t.Helper()
	r := c.do(http.MethodPost, "/auth/rest/sessions", body, nil).want(http.StatusOK)
	l := login{c: c, id: r.text("id"), url: r.text("idpData", "authorizationRequestUrl"), tx: r.text("idpData", "transactionId")}
	u, err := url.Parse(l.url)
	if err != nil {
		c.t.Fatal(err)
	}
	l.state = u.Query().Get("state")
	return l
}

func (l login) approve(persona string) (code string) {
	l.c.t.Helper()
	redirect, err := l.c.sim.Approve(l.url, persona)
	if err != nil {
		l.c.t.Fatal(err)
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Query().Get("state") != l.state {
		l.c.t.Fatalf("redirect %s: %v", redirect, err)
	}
	return u.Query().Get("code")
}

func (l login) read() reply {
	l.c.t.Helper()
	return l.c.do(http.MethodGet, "/auth/rest/sessions/"+l.id, "", nil)
}

func (l login) cancel() reply {
	l.c.t.Helper()
	return l.c.do(http.MethodPost, "/auth/rest/sessions/"+l.id+"/cancel", "", nil)
}

func (l login) validate(code string) reply {
	l.c.t.Helper()
	return l.c.validate(code, l.state, l.tx)
}

var accountHeader = http.Header{"Signicat-Accountid": {signicattest.DefaultAccountID}}

func (c *client) validate(code, state, tx string) reply {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"code": code, "state": state, "transactionId": tx})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(http.MethodPost, "/idps/oidc-vendor/itsme/login-headless/token", string(body), accountHeader)
}
