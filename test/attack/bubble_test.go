package attack_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/internal/ringtest"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// bubble is a gateway and its Signicat with nothing but pipes between them, for attacks that are
// all about time or numbers: in a bubble of testing/synctest their clock goes on by itself.
type bubble struct {
	site     *gateway.Site
	store    *pending.Memory
	signicat *signicattest.Server
}

const (
	bubbleURL         = "http://127.0.0.1:1"
	bubbleSignicatURL = "https://127.0.0.1:2"
)

func openBubble(t *testing.T, limit gateway.LimitConfig, c signicattest.Config) *bubble {
	t.Helper()
	wire := pipetest.New()
	c.BaseURL, c.TLS, c.AllowLoopbackHTTP = bubbleSignicatURL, true, true
	c.RedirectURLs = []string{bubbleURL + logintest.Path + "/callback", bubbleURL + logintest.Path + "/app/callback"}
	sim, err := signicattest.StartOn(wire, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	store := pending.NewMemory(time.Now)
	t.Cleanup(func() { _ = store.Close() })
	g, err := gateway.New(gateway.Config{
		PublicURL: bubbleURL,
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret,
			APIURL: bubbleSignicatURL, DialContext: wire.Dial, RootCAs: sim.RootCAs(),
		},
		Attributes: []string{"name"},
		Limit:      limit,
		Store:      store,
		Keys:       ringtest.New(t, token.DefaultAlgorithm),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return &bubble{site: site, store: store, signicat: sim}
}

// bubbleLogin is a login that an app started.
type bubbleLogin struct{ verifier, sessionID, link, state string }

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin is an app's start from an address.
func (b *bubble) begin(client netip.Addr, verifier string) *httptest.ResponseRecorder {
	body := `{"code_challenge":"` + challengeOf(verifier) + `"}`
	r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+"/sessions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return b.serve(r, client)
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
	info, err := b.signicat.Session(login.link)
	if err != nil {
		t.Fatal(err)
	}
	login.state = info.State
	return login
}

func (b *bubble) approve(t *testing.T, login bubbleLogin) (code string) {
	t.Helper()
	back, err := b.signicat.Approve(login.link, "adult")
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
	return b.serve(r, netip.MustParseAddr("192.0.2.1"))
}

// status asks how the login went.
func (b *bubble) status(login bubbleLogin) string {
	r := httptest.NewRequest(http.MethodGet, bubbleURL+logintest.Path+"/sessions/"+login.sessionID, nil)
	return b.serve(r, netip.MustParseAddr("192.0.2.1")).Body.String()
}

func (b *bubble) serve(r *http.Request, client netip.Addr) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	_ = b.site.Serve(w, r, gateway.Request{Client: client}, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot) // the upstream
		return nil
	})
	return w
}
