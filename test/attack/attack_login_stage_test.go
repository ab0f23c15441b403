package attack_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
)

// theatre is a Caddy in which people log in while somebody attacks: a gateway, its Signicat, and an
// upstream that keeps every byte.
type theatre struct {
	*logintest.Env
	server *caddytest.Server
	bytes  *rawhttptest.Upstream
	tokens *tap
}

// tap keeps the Signicat access tokens that the gateway calls Signicat with.
type tap struct {
	http.Handler
	mu   sync.Mutex
	seen []string
}

func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		t.mu.Lock()
		t.seen = append(t.seen, raw)
		t.mu.Unlock()
	}
	t.Handler.ServeHTTP(w, r)
}

// all are those so far: the gateway may still cancel a session in the background.
func (t *tap) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.seen)
}

// openTheatre runs a Caddyfile in which OPTIONS stands for the ordinary lines of a gateway, UPSTREAM
// for the upstream's address.
func openTheatre(t *testing.T, caddyfile string) *theatre {
	t.Helper()
	signicat := caddytest.Listen(t)
	upstream := rawhttptest.NewUpstream(t)
	server := caddytest.Run(t, strings.NewReplacer("UPSTREAM", upstream.Addr(), "OPTIONS", `
		public_url http://{{addr}}
		signicat {
			client_id     `+signicattest.DefaultClientID+`
			client_secret `+signicattest.DefaultClientSecret+`
			api_url       http://`+signicat.Addr().String()+`
			timeout       2s
		}
		attributes name firstName lastName dateOfBirth nin
	`).Replace(caddyfile))
	sim, err := signicattest.New(signicattest.Config{
		BaseURL:           "http://" + signicat.Addr().String(),
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{server.URL + logintest.Path + "/callback", server.URL + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	tokens := &tap{Handler: sim.Handler()}
	web := &httptest.Server{Listener: signicat, Config: &http.Server{Handler: tokens}}
	web.Start()
	t.Cleanup(web.Close)
	return &theatre{&logintest.Env{URL: server.URL, Signicat: sim, Check: apitest.Check}, server, upstream, tokens}
}

// plainTheatre protects its whole site.
const plainTheatre = `{
	itsme {
		OPTIONS
	}
}
http://{{addr}} {
	itsme
	reverse_proxy UPSTREAM
}`

// approved is the return of a persona who said yes, as a path with its query.
func (h *theatre) approved(t *testing.T, link string) (target, code, state string) {
	t.Helper()
	back, err := h.Signicat.Approve(link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI(), u.Query().Get("code"), u.Query().Get("state")
}

// visitor is a browser of which the test writes every line.
type visitor struct {
	theatre *theatre
	cookies map[string]string
	origin  string
}

func (h *theatre) visitor() *visitor {
	return &visitor{theatre: h, cookies: map[string]string{}, origin: h.URL}
}

func (v *visitor) get(t *testing.T, target string, lines ...string) rawhttptest.Answer {
	t.Helper()
	return v.send(t, http.MethodGet, target, "", lines...)
}

func (v *visitor) post(t *testing.T, target, form string) rawhttptest.Answer {
	t.Helper()
	return v.send(t, http.MethodPost, target, form, "Origin: "+v.origin+"\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n", "Content-Length: "+strconv.Itoa(len(form))+"\r\n")
}

func (v *visitor) send(t *testing.T, method, target, body string, lines ...string) rawhttptest.Answer {
	t.Helper()
	if line := v.cookieLine(); line != "" {
		lines = append(lines, line)
	}
	answer := rawhttptest.Do(t, v.theatre.server.Addr, head(method, target, v.theatre.server.Addr, lines...)+"\r\n"+body)
	for _, c := range (&http.Response{Header: answer.Header}).Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	return answer
}

func (v *visitor) cookieLine() string {
	var pairs []string
	for name, value := range v.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) == 0 {
		return ""
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// start presses the button of the login page and returns the link that opens itsme.
func (v *visitor) start(t *testing.T) (link string) {
	t.Helper()
	answer := v.post(t, logintest.Path+"/login", "return_to=%2Faccount")
	if answer.Status != http.StatusOK {
		t.Fatalf("starting: %d", answer.Status)
	}
	return logintest.Link(t, logintest.Answer{Body: answer.Body})
}

// loggedIn reports whether the site lets the browser in.
func (v *visitor) loggedIn(t *testing.T) bool {
	t.Helper()
	return v.get(t, "/account").Status == http.StatusOK
}

// wantFinished checks that the rightful owner of a login can still finish it.
func (v *visitor) wantFinished(t *testing.T, target string) {
	t.Helper()
	if answer := v.get(t, target); answer.Status != http.StatusSeeOther || !v.loggedIn(t) {
		t.Errorf("the rightful browser is refused: %d", answer.Status)
	}
}

func wantRedeemed(t *testing.T, app *logintest.App, code, state string) {
	t.Helper()
	if answer := app.Redeem(t, code, state); answer.Status != http.StatusOK {
		t.Errorf("the rightful app is refused: %d %s", answer.Status, answer.Text("error"))
	}
}
