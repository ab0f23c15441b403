package logintest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Answer is a response that was read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any // when the body is a JSON object
}

// Text returns a member of the JSON body, empty when it is not a string.
func (a Answer) Text(member string) string {
	text, _ := a.JSON[member].(string)
	return text
}

// do sends a request and checks the answer with [Env.Check].
func (e *Env) do(t *testing.T, client *http.Client, r *http.Request) Answer {
	t.Helper()
	a := send(t, client, r)
	e.conform(t, r, a)
	return a
}

func send(t *testing.T, client *http.Client, r *http.Request) Answer {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading: %v", r.Method, r.URL.Path, err)
	}
	a := Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
	_ = json.Unmarshal(body, &a.JSON) // not every answer is JSON
	return a
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// App is a mobile app. It starts a login, holds the verifier, and sends the code that comes back.
type App struct {
	env      *Env
	client   *http.Client
	Verifier string

	SessionID string
	Link      string // the authorization request URL
}

// NewApp makes an app that has not started a login.
func (e *Env) NewApp() *App {
	return &App{env: e, client: bare(), Verifier: randomText()}
}

// bare returns a client without cookies that follows no redirect.
func bare() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func randomText() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// Challenge returns the S256 challenge of the verifier.
func (a *App) Challenge() string { return Challenge(a.Verifier) }

// Challenge returns the S256 challenge of a verifier.
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PostJSON posts JSON to an endpoint of the gateway.
func (a *App) PostJSON(t *testing.T, path string, body any) Answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, a.env.URL+Path+path, string(text))
	r.Header.Set("Content-Type", "application/json")
	return a.env.do(t, a.client, r)
}

// Post posts a form to an endpoint of the gateway.
func (a *App) Post(t *testing.T, path string, form url.Values) Answer {
	t.Helper()
	r := request(t, http.MethodPost, a.env.URL+Path+path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.env.do(t, a.client, r)
}

// Get requests an endpoint of the gateway.
func (a *App) Get(t *testing.T, path string) Answer {
	t.Helper()
	return a.env.do(t, a.client, request(t, http.MethodGet, a.env.URL+Path+path, ""))
}

// Start starts a login.
func (a *App) Start(t *testing.T) {
	t.Helper()
	answer := a.PostJSON(t, "/sessions", map[string]any{"code_challenge": a.Challenge(), "code_challenge_method": "S256"})
	if answer.Status != http.StatusCreated {
		t.Fatalf("starting: %d %s", answer.Status, answer.Body)
	}
	a.SessionID, a.Link = answer.Text("session_id"), answer.Text("authorization_request_url")
}

// Approve approves the login as a persona. It returns the code and state that the app gets.
func (a *App) Approve(t *testing.T, persona string) (code, state string) {
	t.Helper()
	return codeAndState(t, approve(t, a.env, a.Link, persona))
}

// approved makes an app whose login a persona approved, and returns the code and state that the app gets.
func (e *Env) approved(t *testing.T, persona string) (app *App, code, state string) {
	t.Helper()
	app = e.NewApp()
	app.Start(t)
	code, state = app.Approve(t, persona)
	return app, code, state
}

func approve(t *testing.T, e *Env, link, persona string) string {
	t.Helper()
	back, err := e.Signicat.Approve(link, persona)
	if err != nil {
		t.Fatalf("approving: %v", err)
	}
	return back
}

func codeAndState(t *testing.T, back string) (code, state string) {
	t.Helper()
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("code"), u.Query().Get("state")
}

// Redeem posts a code and state with the app's verifier to /token.
func (a *App) Redeem(t *testing.T, code, state string) Answer {
	t.Helper()
	return a.Post(t, "/token", url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"state":         {state},
		"code_verifier": {a.Verifier},
	})
}

// Login starts a login, approves it and redeems the code. It returns the access token.
func (a *App) Login(t *testing.T, persona string) string {
	t.Helper()
	a.Start(t)
	code, state := a.Approve(t, persona)
	answer := a.Redeem(t, code, state)
	if answer.Status != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Status, answer.Body)
	}
	return answer.Text("access_token")
}

// Status returns the session's status.
func (a *App) Status(t *testing.T) string {
	t.Helper()
	return a.Get(t, "/sessions/"+a.SessionID).Text("status")
}

// Call requests the upstream with a bearer token. An empty token is not sent.
func (a *App) Call(t *testing.T, path, token string) Answer {
	t.Helper()
	r := request(t, http.MethodGet, a.env.URL+path, "")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return a.env.do(t, a.client, r)
}

// Logout ends the login of an access token.
func (a *App) Logout(t *testing.T, token string) Answer {
	t.Helper()
	r := request(t, http.MethodPost, a.env.URL+Path+"/logout", "")
	r.Header.Set("Authorization", "Bearer "+token)
	return a.env.do(t, a.client, r)
}

// wantAnswer checks the status of an answer.
func wantAnswer(t *testing.T, what string, got Answer, status int) {
	t.Helper()
	if got.Status != status {
		t.Errorf("%s: %d %v %s", what, got.Status, got.Header, got.Body)
	}
}

// wantError checks an error answer of /token.
func wantError(t *testing.T, got Answer, status int, code string) {
	t.Helper()
	if got.Status != status || got.Text("error") != code {
		t.Errorf("got %d %s, want %d %s", got.Status, got.Body, status, code)
	}
	if got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", got.Header.Get("Cache-Control"))
	}
}

// wantStatus checks the session's status.
func wantStatus(t *testing.T, a *App, want string) {
	t.Helper()
	if got := a.Status(t); got != want {
		t.Errorf("the session is %q, want %q", got, want)
	}
}

// claims returns the claims of a token, without verifying it.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT, but %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(payload, &read); err != nil {
		t.Fatal(err)
	}
	return read
}
