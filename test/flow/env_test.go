package flow_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
)

// env is a gateway, the simulator behind it, and what the gateway logs and observes. In a bubble of
// testing/synctest its waiting takes no time.
type env struct {
	gatewaytest.Env
	t        testing.TB
	log      *logCapture
	returns  *gatewaytest.Recorder // requests to redirect URLs
	finished *app                  // the app of the latest login
	client   netip.Addr            // the address that requests come from
}

const publicURL = gatewaytest.PublicURL

// option edits the configurations of the gateway and the simulator.
type option = func(*gateway.Config, *signicattest.Config)

// newEnv starts a gateway and a simulator with the defaults, as the options change them.
func newEnv(t *testing.T, options ...option) *env {
	t.Helper()
	log, returns := new(logCapture), new(gatewaytest.Recorder)
	captured := func(c *gateway.Config, _ *signicattest.Config) {
		c.Logger, c.Name, c.Replica = slog.New(slog.NewJSONHandler(log, nil)), "partners", "web-1"
		c.Observe.Return = func(r gateway.Return) { returns.Record(r.Kind + " " + r.Outcome) }
	}
	running := gatewaytest.NewEnv(t, slices.Insert(options, 0, captured)...)
	return &env{Env: *running, t: t, log: log, returns: returns, client: netip.MustParseAddr("192.0.2.1")}
}

// inEnv runs f in a bubble of testing/synctest, with a new environment.
func inEnv(t *testing.T, f func(t *testing.T, e *env)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newEnv(t)) })
}

// script makes the simulator fail.
func (e *env) script(t *testing.T, faults ...signicattest.Fault) {
	t.Helper()
	if err := e.Signicat.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// pass waits for a duration.
func pass(d time.Duration) { <-time.After(d) }

// reply is an answer of the gateway.
type reply struct {
	*httptest.ResponseRecorder
	json map[string]any // nil unless the body is an object
}

func (r reply) text(member string) string {
	text, _ := r.json[member].(string)
	return text
}

// problem returns the name of the error, of an OAuth answer or of a problem document.
func (r reply) problem() string {
	if name := r.text("error"); name != "" {
		return name
	}
	return r.text("code")
}

// send sends a request, and compares the exchange with the OpenAPI document.
func (e *env) send(r *http.Request) reply {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	asked := r.Clone(r.Context()) // a site removes headers
	w := e.Do(r, e.client)
	apitest.Check(e.t, apitest.Exchange{Request: asked, Sent: string(sent), Status: w.Code, Header: w.Result().Header, Body: w.Body.String()})
	answer := reply{ResponseRecorder: w}
	_ = json.Unmarshal(w.Body.Bytes(), &answer.json) // not every answer is JSON
	return answer
}

func (e *env) get(path, bearer string) reply {
	r := httptest.NewRequest(http.MethodGet, publicURL+path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return e.send(r)
}

func (e *env) post(path, mediaType, body string) reply {
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return e.send(r)
}

// app is an app and the user who holds it.
type app struct {
	env                         *env
	verifier, code, state, link string
	sessionID                   string
}

func (e *env) newApp() *app { return &app{env: e, verifier: rand.Text() + rand.Text()} }

// from returns the same app at another address.
func (a *app) from(address string) *app {
	first, moved := *a.env, *a
	first.client, moved.env = netip.MustParseAddr(address), &first
	return &moved
}

// start starts a login.
func (a *app) start() reply {
	answer := a.env.post("/sessions", "application/json", `{"code_challenge":"`+logintest.Challenge(a.verifier)+`"}`)
	a.sessionID, a.link = answer.text("session_id"), answer.text("authorization_request_url")
	return answer
}

// approve approves the login as the first persona.
func (a *app) approve(t *testing.T) {
	t.Helper()
	a.approveAs(t, "adult")
}

func (a *app) approveAs(t *testing.T, persona string) {
	t.Helper()
	back, err := a.env.Signicat.Approve(a.link, persona)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	a.code, a.state = u.Query().Get("code"), u.Query().Get("state")
}

// approvedApp starts a login and approves it.
func (e *env) approvedApp(t *testing.T) *app {
	t.Helper()
	a := e.newApp()
	if answer := a.start(); answer.Code != http.StatusCreated {
		t.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	a.approve(t)
	return a
}

// redeem presents the code with the state and the verifier.
func (a *app) redeem() reply {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {a.code}, "state": {a.state}, "code_verifier": {a.verifier},
	}
	return a.env.post("/token", "application/x-www-form-urlencoded", form.Encode())
}

// status reads the status of the login.
func (a *app) status(query string) reply {
	return a.env.get(logintest.Path+"/sessions/"+a.sessionID+query, "")
}

// cancel cancels the login.
func (a *app) cancel() reply {
	return a.env.post("/sessions/"+a.sessionID+"/cancel", "application/json", `{"code_verifier":"`+a.verifier+`"}`)
}

// loginAs logs a persona in and returns the access token.
func (e *env) loginAs(t *testing.T, persona string) string {
	t.Helper()
	a := e.newApp()
	a.start()
	a.approveAs(t, persona)
	answer := a.redeem()
	if answer.Code != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
	}
	return answer.text("access_token")
}

// login logs the first persona in and returns the access token.
func (e *env) login(t *testing.T) string {
	t.Helper()
	e.finished = e.approvedApp(t)
	answer := e.finished.redeem()
	if answer.Code != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
	}
	return answer.text("access_token")
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
