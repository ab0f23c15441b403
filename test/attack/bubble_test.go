package attack_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// bubble is a gateway and its Signicat with nothing but pipes between them, for attacks that are
// all about time or numbers: in a bubble of testing/synctest their clock goes on by itself.
type bubble struct{ *gatewaytest.Env }

const bubbleURL = gatewaytest.PublicURL

func openBubble(t *testing.T, change func(*gateway.Config, *signicattest.Config)) *bubble {
	t.Helper()
	return &bubble{gatewaytest.NewEnv(t, change)}
}

// bubbleLogin is a login that an app started.
type bubbleLogin struct{ verifier, sessionID, link, state string }

// begin is an app's start from an address.
func (b *bubble) begin(client netip.Addr, verifier string) *httptest.ResponseRecorder {
	body := `{"code_challenge":"` + logintest.Challenge(verifier) + `"}`
	r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+"/sessions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return b.Do(r, client)
}

func (b *bubble) start(t *testing.T) bubbleLogin {
	t.Helper()
	login := bubbleLogin{verifier: rand.Text() + rand.Text()}
	answer := b.begin(netip.MustParseAddr("192.0.2.1"), login.verifier)
	var started struct {
		SessionID string `json:"session_id"`
		Link      string `json:"authorization_request_url"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &started); err != nil || started.Link == "" {
		t.Fatalf("starting: %d %s", answer.Code, answer.Body)
	}
	login.sessionID, login.link = started.SessionID, started.Link
	info, err := b.Signicat.Session(login.link)
	if err != nil {
		t.Fatal(err)
	}
	login.state = info.State
	return login
}

func (b *bubble) approve(t *testing.T, login bubbleLogin) (code string) {
	t.Helper()
	back, err := b.Signicat.Approve(login.link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("code")
}

// redeem presents a code with the right state and verifier.
func (b *bubble) redeem(login bubbleLogin, code string) *httptest.ResponseRecorder {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "state": {login.state}, "code_verifier": {login.verifier},
	}
	r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r, netip.MustParseAddr("192.0.2.1"))
}

// status asks how the login went.
func (b *bubble) status(login bubbleLogin) string {
	r := httptest.NewRequest(http.MethodGet, bubbleURL+logintest.Path+"/sessions/"+login.sessionID, nil)
	return b.Do(r, netip.MustParseAddr("192.0.2.1")).Body.String()
}
