package mobile_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const (
	origin      = gatewaytest.PublicURL
	redirectURL = origin + "/itsme/app/callback"
)

// TestTranscript plays every story against a gateway, on a clock that goes on by itself.
func TestTranscript(t *testing.T) {
	t.Parallel()
	stories := readStories(t)
	if len(stories) < 10 {
		t.Fatalf("transcript.txt has %d stories", len(stories))
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, stories[0])
				for _, step := range s.steps {
					p.play(t, step)
				}
			})
		})
	}
}

// player is an app, its phone and its user, in front of a gateway of their own.
type player struct {
	client   *http.Client
	signicat *signicattest.Server
	login    []step            // how the app logs in
	has      map[string]string // what the app has, by the names in the transcript
	lost     map[string]any    // an answer that did not arrive
	persona  string            // who approves
	key      *dpoptest.Key     // of the phone
	nonce    string            // the newest of the gateway
	ahead    time.Duration     // by which the phone's clock is wrong
}

func newPlayer(t *testing.T, login story) *player {
	t.Helper()
	b := gatewaytest.NewEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Token.Refresh = 30 * 24 * time.Hour })
	high, err := b.Gateway.NewSite(gateway.SiteConfig{Require: gateway.Requirements{LoA: "high"}})
	if err != nil {
		t.Fatal(err)
	}
	p := &player{client: serve(t, b.Site, high), signicat: b.Signicat, login: login.steps, persona: "adult", key: dpoptest.NewKey(t)}
	p.forget()
	return p
}

// serve runs a site in front of a service that answers 200, and another one at /high. It returns a client.
func serve(t *testing.T, site, high *gateway.Site) *http.Client {
	t.Helper()
	network := pipetest.New()
	service := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "profile") })
	paths := http.NewServeMux()
	paths.Handle("/", site.Handler(service))
	paths.Handle("/high", high.Handler(service))
	server := &http.Server{Handler: paths}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(network) }()
	transport := &http.Transport{DialContext: network.Dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// forget leaves the app with nothing but another verifier.
func (p *player) forget() {
	verifier := rand.Text() + rand.Text()
	p.has = map[string]string{
		"redirect_uri": redirectURL, "code_verifier": verifier, "code_challenge": hash(verifier),
		"language": "nl", "acr_values": "high", "max_age": "300", "dpop_jkt": p.key.Thumbprint(),
	}
}

// hash is the challenge of a verifier, and the session_id of a state.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (p *player) play(t *testing.T, s step) {
	t.Helper()
	if s.event != "" {
		p.happen(t, s.event)
		return
	}
	status, header, body := p.send(t, s)
	if s.lost {
		p.lost = body
		return
	}
	if status != s.status {
		t.Fatalf("%s %s: %s %v, want %s", s.method, s.path, status, body, s.status)
	}
	for _, word := range s.read {
		p.read(t, word, header, body)
	}
	for _, name := range s.repeated() {
		if p.lost != nil && !cmp.Equal(p.lost[name], body[name]) {
			t.Errorf("%s is not what it was in the answer that was lost", name)
		}
	}
	p.lost = nil
}

// repeated is what an answer has in it again when the one before was lost.
func (s step) repeated() []string {
	if strings.HasPrefix(s.body, "grant_type=refresh_token") {
		return []string{"refresh_token"} // with another access token of the same login
	}
	return []string{"session_id", "authorization_request_url", "access_token", "refresh_token"}
}

// send makes the request of a step. It returns what a JSON object holds, when the answer is one.
func (p *player) send(t *testing.T, s step) (status string, header http.Header, body map[string]any) {
	t.Helper()
	escape := func(text string) string { return text }
	if !strings.HasPrefix(s.body, "{") {
		escape = url.QueryEscape
	}
	r, err := http.NewRequestWithContext(t.Context(), s.method, origin+p.fill(t, s.path, url.PathEscape), strings.NewReader(p.fill(t, s.body, escape)))
	if err != nil {
		t.Fatal(err)
	}
	p.prove(t, r, s)
	for _, field := range s.header {
		r.Header.Set(field[0], p.fill(t, field[1], func(text string) string { return text }))
	}
	answer, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(text, &body) // not every answer is JSON
	return strconv.Itoa(answer.StatusCode), answer.Header, body
}

// prove makes a proof for a request. It names the access token if the request has one.
func (p *player) prove(t *testing.T, r *http.Request, s step) {
	t.Helper()
	proof := dpoptest.Proof{Method: r.Method, URL: r.URL.String(), Nonce: p.nonce, At: time.Now().Add(p.ahead)}
	for _, field := range s.header {
		if field[0] == "Authorization" {
			proof.Token = p.has["access_token"]
		}
	}
	p.has["proof"] = p.key.Sign(t, proof)
}

// fill puts what the app has into a text.
func (p *player) fill(t *testing.T, text string, escape func(string) string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := p.has[strings.Trim(name, "{}")]
		if !ok {
			t.Fatalf("the app has no %s", name)
		}
		return escape(value)
	})
}

// read takes from an answer what the app does.
func (p *player) read(t *testing.T, word string, header http.Header, body map[string]any) {
	t.Helper()
	name, value, _ := strings.Cut(word, "=")
	if strings.ToLower(name) != name { // a header
		if header.Get(name) == "" {
			t.Errorf("the answer has no header %s", name)
		}
		if name == "DPoP-Nonce" {
			p.nonce = header.Get(name)
		}
		return
	}
	member, ok := body[name]
	if !ok || (value != "" && member != value) {
		t.Fatalf("the answer's %s is %v, want %q", name, member, value)
	}
	if text, ok := member.(string); ok {
		p.has[name] = text
	}
}

// passing is an event of the clock.
var passing = regexp.MustCompile(`^(\d+[sm]) pass\.$`)

// happen is what goes on outside of the app.
func (p *player) happen(t *testing.T, event string) {
	t.Helper()
	if found := passing.FindStringSubmatch(event); found != nil {
		d, err := time.ParseDuration(found[1])
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(d)
		return
	}
	var err error
	switch event {
	case "The app has opened itsme.":
		p.play(t, p.login[0])
	case "The app is logged in.":
		for _, s := range p.login {
			p.play(t, s)
		}
	case "The app is logged in at the level substantial.":
		p.persona = "substantial"
		for _, s := range p.login {
			p.play(t, s)
		}
		p.persona = "adult"
	case "The app makes another verifier.":
		p.forget()
	case "The clock of the phone is an hour fast.":
		p.ahead = time.Hour
	case "The user approves.":
		p.comeBack(t, func(link string) (string, error) { return p.signicat.Approve(link, p.persona) })
	case "The user refuses.":
		p.comeBack(t, p.signicat.Refuse)
	case "Signicat shows the result late.":
		err = p.signicat.SetSwitches(signicattest.Switches{ReadsBeforeSuccess: 8})
	case "Signicat is unavailable.":
		err = p.signicat.Script(signicattest.Fault{Operation: "validate_code", Status: http.StatusServiceUnavailable, RetryAfter: "7"})
	case "Signicat is available again.":
		p.signicat.ClearScript()
	default:
		t.Fatalf("the player has no such event: %s", event)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// comeBack is the phone opening the app's redirect URL. The app takes it for the login whose
// session_id is the hash of the state.
func (p *player) comeBack(t *testing.T, answer func(link string) (string, error)) {
	t.Helper()
	back, err := answer(p.has["authorization_request_url"])
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil || !strings.HasPrefix(back, redirectURL+"?") {
		t.Fatalf("itsme opened %s: %v", back, err)
	}
	for name, values := range u.Query() {
		p.has[name] = values[0]
	}
	if hash(p.has["state"]) != p.has["session_id"] {
		t.Fatal("the state is of another login")
	}
}
