package caddy_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// loginTrees are the spans of an app's login and of a browser's, as a trace viewer shows them. Each request has one
// tree, below Caddy's own span.
const loginTrees = `POST /itsme/sessions
  store.allow
    redis.evalsha allow
  store.recall
    redis.get
  gateway.begin
    signicat.access_token
    signicat.create_session
    store.create
      redis.evalsha create
      redis.evalsha enter
      redis.evalsha enter
    store.remember
      redis.evalsha remember
POST /itsme/token
  store.allow
    redis.evalsha allow
  store.load
    redis.evalsha load
  store.update
    redis.evalsha replace
  gateway.complete
    signicat.validate_code
    store.update
      redis.evalsha replace
    signicat.read_session
    store.enroll
      redis.evalsha enroll
    store.update
      redis.evalsha note
      redis.evalsha note
      redis.evalsha replace
GET /api
  token.verify
GET /api
GET /page
GET /itsme/login
POST /itsme/login
  store.allow
    redis.evalsha allow
  gateway.begin
    signicat.create_session
    store.create
      redis.evalsha create
      redis.evalsha enter
      redis.evalsha enter
GET /itsme/callback
  store.load
    redis.evalsha load
  store.update
    redis.evalsha replace
  gateway.complete
    signicat.validate_code
    store.update
      redis.evalsha replace
    signicat.read_session
    store.enroll
      redis.evalsha enroll
    store.update
      redis.evalsha note
      redis.evalsha note
      redis.evalsha replace
GET /page
  token.verify
GET /page
`

// TestLoginsAreTracedAsTreesWithoutAPerson logs an app and a browser in below Caddy's tracing directive, with
// every propagator, and reads what an OTLP receiver gets. The trees are those above. No byte holds a secret,
// an identifier of the login or an attribute of the user.
func TestLoginsAreTracedAsTreesWithoutAPerson(t *testing.T) {
	collected := collect(t)
	var private []string
	var wire *wireCapture
	t.Run("logins", func(t *testing.T) { // Caddy exports the rest when it stops, with the subtest
		wire, private = tracedLogins(t, "")
	})

	got := collected.trees()
	t.Logf("what was exported:\n%s", collected.described())
	if diff := cmp.Diff(loginTrees, got); diff != "" {
		t.Errorf("the trees differ (-want +got):\n%s", diff)
	}
	exported := collected.bytes()
	for _, secret := range append(private, wire.secrets()...) {
		if len(secret) < 4 {
			t.Fatalf("%q is too short to be looked for", secret)
		}
		if bytes.Contains(exported, []byte(secret)) || bytes.Contains(exported, []byte(url.QueryEscape(secret))) {
			t.Errorf("%q was exported", secret)
		}
	}
	app, _, _ := strings.Cut(loginTrees, "GET /api\nGET /page\n")
	if page, err := os.ReadFile("../../../docs/monitoring.md"); err != nil || !strings.Contains(string(page), "```\n"+app+"```\n") {
		t.Errorf("docs/monitoring.md shows another tree of an app's login: %v", err)
	}
	if header := contextHeaders(wire.sent()); header != nil {
		t.Errorf("Signicat was sent %q", header)
	}
}

// TestTraceReachesSignicatOnlyIfAskedTo plays the same logins with propagate_trace. Each request to Signicat
// names its own span. What the client put into tracestate and baggage is not sent.
func TestTraceReachesSignicatOnlyIfAskedTo(t *testing.T) {
	collected := collect(t)
	var wire *wireCapture
	t.Run("logins", func(t *testing.T) { wire, _ = tracedLogins(t, "propagate_trace") })

	var want []string
	for _, s := range collected.named("signicat.") {
		want = append(want, "Traceparent: 00-"+s.trace+"-"+s.id+"-01")
	}
	if len(want) == 0 {
		t.Fatal("no call to Signicat was traced")
	}
	got := contextHeaders(wire.sent())
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers of the trace at Signicat differ (-want +got):\n%s", diff)
	}
}

// tracedLogins logs an app and a browser in at a Caddy whose requests are traced. It returns the requests to
// Signicat, and the values that no trace may hold.
func tracedLogins(t *testing.T, more string) (*wireCapture, []string) {
	t.Helper()
	e := newTracedEnv(t, more)
	front, wire := e.Env, e.sites[0].wire
	person := front.Signicat.Personas()[0]

	app := front.NewApp()
	app.Start(t)
	code, state := app.Approve(t, person.Key)
	answer := app.Redeem(t, code, state)
	token := answer.Text("access_token")
	if token == "" {
		t.Fatalf("redeeming: %d %s", answer.Status, answer.Body)
	}
	for range 2 { // the second time the token is in the cache
		if got := app.Call(t, "/api", token); got.Status != http.StatusOK {
			t.Fatalf("calling the upstream: %d %s", got.Status, got.Body)
		}
	}
	if front.Upstream.Last().Get("Traceparent") == "" {
		t.Error("the upstream did not get the trace: the requests are not traced")
	}
	browser := front.NewBrowser(t)
	link := browser.Start(t, "/page")
	back, err := front.Signicat.Approve(link, person.Key)
	if err != nil {
		t.Fatal(err)
	}
	finished := browser.Navigate(t, back)
	for range 2 {
		if got := browser.Navigate(t, "/page"); got.Status != http.StatusOK {
			t.Fatalf("the page: %d %s", got.Status, got.Body)
		}
	}
	startWithTrace(t, front.URL, front.NewApp().Challenge())
	private := []string{
		code, state, app.Verifier, token, app.SessionID, signicattest.DefaultClientSecret,
		person.Key, person.NIN, person.SubjectID,
	}
	for _, attribute := range []string{"name", "firstName", "lastName", "dateOfBirth"} {
		private = append(private, person.Attributes[attribute])
	}
	for _, link := range []string{back, app.Link, link} {
		private = append(private, secretsOf(t, link)...)
	}
	for _, cookie := range (&http.Response{Header: finished.Header}).Cookies() {
		if cookie.Value != "" {
			private = append(private, cookie.Value)
		}
	}
	return wire, private
}

// startWithTrace starts a login as a client that sends trace headers of its own.
func startWithTrace(t *testing.T, site, challenge string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+logintest.Path+"/sessions",
		strings.NewReader(`{"code_challenge":"`+challenge+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.Header.Set("Tracestate", "client=said")
	r.Header.Set("Baggage", "client=said")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("starting with a traceparent: %d", answer.StatusCode)
	}
}

// newTracedEnv is an environment whose requests are traced, with a Redis store and more lines for signicat.
func newTracedEnv(t *testing.T, more string) *env {
	t.Helper()
	return newEnv(t, options{caddyfile: strings.NewReplacer("MORE", more, "REDIS", miniredis.RunT(t).Addr()).Replace(tracedSite)})
}

const tracedSite = `{
	admin {{admin}}
	default_bind 127.0.0.1
	itsme {
		public_url SITE
		signicat {
			client_id     CLIENT_ID
			client_secret CLIENT_SECRET
			api_url       SIGNICAT
			MORE
		}
		attributes name firstName lastName dateOfBirth nin
		store redis {
			address REDIS
			secret  0123456789abcdef0123456789abcdef
		}
	}
}
SITE {
	tracing {
		span "{http.request.method} {http.request.uri.path}"
	}
	itsme
	reverse_proxy UPSTREAM
}
http://{{addr}} {
	respond 204
}
`

// secretsOf returns the values of a link's query that identify or finish a login.
func secretsOf(t *testing.T, link string) (secrets []string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"code", "state", "nonce"} {
		if value := u.Query().Get(name); value != "" {
			secrets = append(secrets, value)
		}
	}
	return secrets
}
