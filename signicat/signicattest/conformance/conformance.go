// Package conformance tests Signicat's Authentication REST API with itsme over plain HTTP. The tests run against the
// simulator, and with the build tag sandbox against Signicat's sandbox: a rule that holds at both is no mistake of the
// simulator.
package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Target is an account of the API, with itsme configured.
type Target struct {
	// APIURL is the URL of the API, without a slash at the end: https://api.signicat.com.
	APIURL string

	// ClientID and ClientSecret are the credentials of an API client of the account.
	ClientID, ClientSecret string

	// AccountID is the id of the account.
	AccountID string

	// RedirectURL is on the account's allow-list for itsme.
	RedirectURL string

	// Encoded sends the state of a code validation with %3A for its colon; false sends the colon.
	Encoded bool

	// Approve and Refuse act as the person, and return the redirect URL that the phone opens. Nil leaves out the tests
	// that need a person.
	Approve, Refuse func(authorizationRequestURL string) (redirectURL string, err error)

	// Interval is the time between two reads of a pending session. Zero is one second, as in Signicat's guide.
	Interval time.Duration

	// Transport reaches the API. Nil is http.DefaultTransport.
	Transport http.RoundTripper
}

// Run runs the suite, as subtests of t.
func Run(t *testing.T, target Target) {
	t.Helper()
	a := newAPI(t, target)
	t.Run("access token", a.testAccessToken)
	t.Run("wrong secret", a.testWrongSecret)
	t.Run("no access token", a.testNoAccessToken)
	t.Run("create", a.testCreate)
	t.Run("create refusals", a.testCreateRefusals)
	t.Run("short lifetime", a.testShortLifetime)
	t.Run("unknown session", a.testUnknownSession)
	t.Run("cancel", a.testCancel)
	t.Run("made-up code", a.testMadeUpCode)
	if target.Approve != nil {
		t.Run("login", a.testLogin)
		t.Run("code of another login", a.testCodeOfAnotherLogin)
	}
	if target.Refuse != nil {
		t.Run("refusal", a.testRefusal)
	}
}

// api is the target with an access token.
type api struct {
	Target
	client *http.Client
	token  string
}

func newAPI(t *testing.T, target Target) *api {
	t.Helper()
	if target.Interval == 0 {
		target.Interval = time.Second
	}
	a := &api{Target: target, client: &http.Client{
		Transport: target.Transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	r := a.form(t, tokenRequest(a.ClientID, a.ClientSecret))
	if r.status != http.StatusOK {
		t.Fatalf("access token: status %d, error %q", r.status, r.OAuthError)
	}
	a.token = r.AccessToken
	return a
}

// state returns the state in the form that the target accepts.
func (a *api) state(state string) string {
	if a.Encoded {
		return strings.ReplaceAll(state, ":", "%3A")
	}
	return state
}
