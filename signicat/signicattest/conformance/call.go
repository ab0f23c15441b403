package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// reply is an answer of the API, with every member that a check reads.
type reply struct {
	status      int
	contentType string
	body        []byte

	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	OAuthError  any    `json:"error"` // a text at the token endpoint, an object in a session

	Code string `json:"code"`

	ID        string `json:"id"`
	AccountID string `json:"accountId"`
	Status    any    `json:"status"` // a text in a session, a number in a problem
	Provider  string `json:"provider"`
	LoA       string `json:"loa"`
	Subject   struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"subject"`
	IDPData struct {
		AuthorizationRequestURL string `json:"authorizationRequestUrl"`
		TokenRequestURL         string `json:"tokenRequestUrl"`
		TransactionID           string `json:"transactionId"`
	} `json:"idpData"`
	Flow                string   `json:"flow"`
	RequestedAttributes []string `json:"requestedAttributes"`
	SessionLifetime     int      `json:"sessionLifetime"`
	ExpiresAt           string   `json:"expiresAt"`
}

const sessionsPath = "/auth/rest/sessions"

func tokenRequest(id, secret string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {"signicat-api"}, "client_id": {id}, "client_secret": {secret},
	}
}

// form requests an access token.
func (a *api) form(t *testing.T, form url.Values) reply {
	t.Helper()
	r := a.request(t, http.MethodPost, a.APIURL+"/auth/open/connect/token", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.send(t, r)
}

// call calls the API with the access token, and with JSON unless body is nil.
func (a *api) call(t *testing.T, method, path string, body any) reply {
	t.Helper()
	return a.send(t, a.authorized(t, method, a.APIURL+path, body))
}

func (a *api) authorized(t *testing.T, method, target string, body any) *http.Request {
	t.Helper()
	var sent string
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		sent = string(encoded)
	}
	r := a.request(t, method, target, sent)
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (a *api) request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// send sends a request. A body that is not JSON leaves the members empty.
func (a *api) send(t *testing.T, r *http.Request) reply {
	t.Helper()
	response, err := a.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), body: bytes.TrimSpace(body)}
	_ = json.Unmarshal(body, &got)
	return got
}

// create starts a login with the usual attributes.
func (a *api) create(t *testing.T) reply {
	t.Helper()
	r := a.call(t, http.MethodPost, sessionsPath+"?signicat-accountId="+url.QueryEscape(a.AccountID), a.sessionRequest())
	if r.status != http.StatusOK {
		t.Fatalf("create: status %d, code %q", r.status, r.Code)
	}
	return r
}

func (a *api) sessionRequest() map[string]any {
	return map[string]any{
		"flow": "headless", "allowedProviders": []string{"itsme"}, "language": "en",
		"requestedAttributes":  []string{"name", "firstName", "lastName", "dateOfBirth"},
		"additionalParameters": map[string]string{"itsme_redirect_url": a.RedirectURL},
	}
}

func (a *api) read(t *testing.T, id string) reply {
	t.Helper()
	return a.call(t, http.MethodGet, sessionsPath+"/"+id, nil)
}

// validate sends a code to the token request URL that the session named.
func (a *api) validate(t *testing.T, session reply, code, state string) reply {
	t.Helper()
	r := a.authorized(t, http.MethodPost, session.IDPData.TokenRequestURL, map[string]string{
		"code": code, "state": a.state(state), "transactionId": session.IDPData.TransactionID,
	})
	r.Header.Set("Signicat-AccountId", session.AccountID)
	return a.send(t, r)
}

// query returns the parameters of a URL.
func query(t *testing.T, u string) url.Values {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal("a URL of the API is malformed")
	}
	return parsed.Query()
}
