package flow_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
)

// bubble is a gateway and its Signicat in a bubble of testing/synctest, where waiting takes no time.
type bubble struct {
	gatewaytest.Env
	t      testing.TB
	ended  *phone     // whose login has ended
	client netip.Addr // who sends
}

const bubbleURL = gatewaytest.PublicURL

// openBubble starts a gateway with the defaults, but for what change does to them.
func openBubble(t *testing.T, change ...func(*gateway.Config, *signicattest.Config)) *bubble {
	t.Helper()
	return &bubble{Env: *gatewaytest.NewEnv(t, change...), t: t, client: netip.MustParseAddr("192.0.2.1")}
}

// script makes Signicat fail.
func (b *bubble) script(t *testing.T, faults ...signicattest.Fault) {
	t.Helper()
	if err := b.Signicat.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

// reply is what the gateway answered.
type reply struct {
	*httptest.ResponseRecorder
	json map[string]any // when it is an object
}

func (r reply) text(member string) string {
	text, _ := r.json[member].(string)
	return text
}

// problem is the error's name, in whichever form it was told.
func (r reply) problem() string {
	if name := r.text("error"); name != "" {
		return name
	}
	return r.text("code")
}

// send makes a request to an own endpoint, or to the upstream.
func (b *bubble) send(r *http.Request) reply {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	asked := r.Clone(r.Context()) // a site takes headers off
	w := b.Do(r, b.client)
	apitest.Check(b.t, apitest.Exchange{Request: asked, Sent: string(sent), Status: w.Code, Header: w.Result().Header, Body: w.Body.String()})
	answer := reply{ResponseRecorder: w}
	_ = json.Unmarshal(w.Body.Bytes(), &answer.json) // not every answer is JSON
	return answer
}

func (b *bubble) get(path, bearer string) reply {
	r := httptest.NewRequest(http.MethodGet, bubbleURL+path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return b.send(r)
}

func (b *bubble) post(path, mediaType, body string) reply {
	r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return b.send(r)
}

// phone is an app and the person who uses it.
type phone struct {
	bubble                      *bubble
	verifier, code, state, link string
	sessionID                   string
}

func (b *bubble) newPhone() *phone { return &phone{bubble: b, verifier: rand.Text() + rand.Text()} }

// from is the same phone at another address.
func (p *phone) from(address string) *phone {
	here, moved := *p.bubble, *p
	here.client, moved.bubble = netip.MustParseAddr(address), &here
	return &moved
}

// start starts a login.
func (p *phone) start() reply {
	answer := p.bubble.post("/sessions", "application/json", `{"code_challenge":"`+logintest.Challenge(p.verifier)+`"}`)
	p.sessionID, p.link = answer.text("session_id"), answer.text("authorization_request_url")
	return answer
}

// approve is the person saying yes.
func (p *phone) approve(t *testing.T) {
	t.Helper()
	p.approveAs(t, "adult")
}

func (p *phone) approveAs(t *testing.T, persona string) {
	t.Helper()
	back, err := p.bubble.Signicat.Approve(p.link, persona)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	p.code, p.state = u.Query().Get("code"), u.Query().Get("state")
}

// begun starts a login and approves it.
func (b *bubble) begun(t *testing.T) *phone {
	t.Helper()
	p := b.newPhone()
	if answer := p.start(); answer.Code != http.StatusCreated {
		t.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	p.approve(t)
	return p
}

// redeem presents what came back.
func (p *phone) redeem() reply {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {p.code}, "state": {p.state}, "code_verifier": {p.verifier},
	}
	return p.bubble.post("/token", "application/x-www-form-urlencoded", form.Encode())
}

// status asks how the login goes.
func (p *phone) status(query string) reply {
	return p.bubble.get(logintest.Path+"/sessions/"+p.sessionID+query, "")
}

// cancel gives the login up.
func (p *phone) cancel() reply {
	return p.bubble.post("/sessions/"+p.sessionID+"/cancel", "application/json", `{"code_verifier":"`+p.verifier+`"}`)
}

// loginAs is a persona's whole login. It returns the access token.
func (b *bubble) loginAs(t *testing.T, persona string) string {
	t.Helper()
	p := b.newPhone()
	p.start()
	p.approveAs(t, persona)
	answer := p.redeem()
	if answer.Code != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
	}
	return answer.text("access_token")
}

// login is a whole login. It returns the access token.
func (b *bubble) login(t *testing.T) string {
	t.Helper()
	b.ended = b.begun(t)
	answer := b.ended.redeem()
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
