package conformance

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func (a *api) testAccessToken(t *testing.T) {
	r := a.form(t, tokenRequest(a.ClientID, a.ClientSecret))
	if r.status != http.StatusOK || r.AccessToken == "" || !strings.EqualFold(r.TokenType, "Bearer") {
		t.Errorf("status %d, token type %q", r.status, r.TokenType)
	}
	if r.ExpiresIn < 1 || r.ExpiresIn > 3600 {
		t.Errorf("expires_in %d", r.ExpiresIn)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"signicat-api"}}
	basic := a.request(t, http.MethodPost, a.APIURL+"/auth/open/connect/token", form.Encode())
	basic.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	basic.SetBasicAuth(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret))
	if r := a.send(t, basic); r.status != http.StatusOK || r.AccessToken == "" {
		t.Errorf("client_secret_basic: status %d", r.status)
	}
}

func (a *api) testWrongSecret(t *testing.T) {
	r := a.form(t, tokenRequest(a.ClientID, "x"+a.ClientSecret))
	if r.status != http.StatusBadRequest && r.status != http.StatusUnauthorized || r.OAuthError != "invalid_client" {
		t.Errorf("status %d, error %v", r.status, r.OAuthError)
	}
}

func (a *api) testNoAccessToken(t *testing.T) {
	session := a.create(t)
	stranger := *a
	stranger.token = "x"
	for name, r := range map[string]reply{
		"create":   stranger.call(t, http.MethodPost, sessionsPath, a.sessionRequest()),
		"read":     stranger.read(t, session.ID),
		"cancel":   stranger.call(t, http.MethodPost, sessionsPath+"/"+session.ID+"/cancel", nil),
		"validate": stranger.validate(t, session, "x", "x"),
	} {
		if r.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, r.status)
		}
	}
	a.wantOpen(t, session.ID)
}

func (a *api) testCreate(t *testing.T) {
	r := a.create(t)
	guid := regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	if !strings.HasPrefix(r.contentType, "application/json") || !guid.MatchString(r.ID) || !guid.MatchString(r.IDPData.TransactionID) {
		t.Errorf("content type %q, id %q, transaction %q", r.contentType, r.ID, r.IDPData.TransactionID)
	}
	if r.Status != "CREATED" || r.AccountID != a.AccountID || r.Flow != "headless" || r.SessionLifetime != 1200 {
		t.Errorf("status %v, account %q, flow %q, lifetime %d", r.Status, r.AccountID, r.Flow, r.SessionLifetime)
	}
	slices.Sort(r.RequestedAttributes)
	if want := []string{"dateOfBirth", "firstName", "lastName", "name"}; !slices.Equal(r.RequestedAttributes, want) {
		t.Errorf("attributes %v", r.RequestedAttributes)
	}
	at, err := time.Parse(time.RFC3339Nano, r.ExpiresAt)
	if left := time.Until(at); err != nil || left < 19*time.Minute || left > 21*time.Minute {
		t.Errorf("expires in %s: %v", left, err)
	}
	q := query(t, r.IDPData.AuthorizationRequestURL)
	if q.Get("redirect_uri") != a.RedirectURL || q.Get("response_type") != "code" || q.Get("nonce") == "" || q.Get("client_id") == "" ||
		len(q.Get("state")) < 32 || !strings.HasPrefix(q.Get("scope"), "openid service:") || q.Get("ui_locales") != "en" {
		t.Errorf("parameters of the authorization request URL: %v", q)
	}
	if !sameHost(t, r.IDPData.TokenRequestURL, a.APIURL) {
		t.Errorf("token request URL %s", r.IDPData.TokenRequestURL)
	}
	if other := a.create(t); other.ID == r.ID || query(t, other.IDPData.AuthorizationRequestURL).Get("state") == q.Get("state") {
		t.Error("two sessions share an id or a state")
	}
}

func sameHost(t *testing.T, a, b string) bool {
	t.Helper()
	first, err := url.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := url.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return first.Host == second.Host && first.Scheme == second.Scheme
}

func (a *api) testCreateRefusals(t *testing.T) {
	account := "?signicat-accountId=" + url.QueryEscape(a.AccountID)
	for name, test := range map[string]struct {
		change func(map[string]any)
		query  string
	}{
		"no flow":                      {func(r map[string]any) { delete(r, "flow") }, account},
		"unknown flow":                 {func(r map[string]any) { r["flow"] = "app2app" }, account},
		"attributes a text":            {func(r map[string]any) { r["requestedAttributes"] = "name" }, account},
		"unlisted redirect URL":        {redirectURL(a.RedirectURL + "/unlisted"), account},
		"redirect URL with a fragment": {redirectURL(a.RedirectURL + "#x"), account},
		"custom redirect URL":          {redirectURL("example://callback"), account},
		"another account":              {func(map[string]any) {}, "?signicat-accountId=a-spge-00000000000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			body := a.sessionRequest()
			test.change(body)
			if r := a.call(t, http.MethodPost, sessionsPath+test.query, body); r.status != http.StatusBadRequest && r.status != http.StatusForbidden {
				t.Errorf("status %d", r.status)
			}
		})
	}
}

func redirectURL(u string) func(map[string]any) {
	return func(r map[string]any) { r["additionalParameters"] = map[string]string{"itsme_redirect_url": u} }
}

func (a *api) testShortLifetime(t *testing.T) {
	body := a.sessionRequest()
	body["sessionLifetime"] = 60
	if r := a.call(t, http.MethodPost, sessionsPath, body); r.status != http.StatusOK || r.SessionLifetime != 300 {
		t.Errorf("status %d, lifetime %d", r.status, r.SessionLifetime)
	}
}

func (a *api) testUnknownSession(t *testing.T) {
	if r := a.read(t, "00000000-0000-0000-0000-000000000000"); r.status != http.StatusNotFound {
		t.Errorf("status %d", r.status)
	}
}

func (a *api) testCancel(t *testing.T) {
	session := a.create(t)
	if r := a.call(t, http.MethodPost, sessionsPath+"/"+session.ID+"/cancel", nil); r.status != http.StatusOK || r.Status != "CANCELLED" {
		t.Errorf("cancel: %d, status %v", r.status, r.Status)
	}
	if r := a.read(t, session.ID); r.status != http.StatusOK || r.Status != "CANCELLED" {
		t.Errorf("read: %d, status %v", r.status, r.Status)
	}
}

// wantOpen fails unless a person can still finish the session.
func (a *api) wantOpen(t *testing.T, id string) {
	t.Helper()
	if r := a.read(t, id); r.status != http.StatusOK || r.Status != "CREATED" && r.Status != "WAITING_FOR_USER" {
		t.Errorf("read: %d, status %v", r.status, r.Status)
	}
}
