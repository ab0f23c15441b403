package signicattest

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	apiScope = "signicat-api"
	issuer   = "https://api.signicat.com/auth/open"
)

// accessToken answers a client credentials grant: RFC 6749 section 4.4.
func (a *api) accessToken(r *request) answer {
	if !hasMediaType(r, "application/x-www-form-urlencoded") {
		return refuseOAuth(http.StatusBadRequest, "invalid_request", "the content type is not that of a form")
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return refuseOAuth(http.StatusBadRequest, "invalid_request", "the form is malformed")
	}
	if reason := wrongForm(form); reason != "" {
		return refuseOAuth(http.StatusBadRequest, "invalid_request", reason)
	}
	sw := a.Switches()
	id, secret, reason := clientCredentials(r, form)
	switch {
	case reason != "":
		return refuseOAuth(http.StatusBadRequest, "invalid_request", reason)
	case !equal(id, a.cfg.ClientID) || !equal(secret, a.cfg.ClientSecret):
		return refuseOAuth(sw.InvalidClientStatus, "invalid_client", "unknown client or wrong secret")
	case form.Get("grant_type") != "client_credentials":
		return refuseOAuth(http.StatusBadRequest, "unsupported_grant_type", "the grant type is not client_credentials")
	case form.Get("scope") != apiScope && !(sw.ScopeOptional && !form.Has("scope")):
		return refuseOAuth(http.StatusBadRequest, "invalid_scope", "the scope is not "+apiScope)
	}
	return a.issue()
}

func wrongForm(form url.Values) string {
	for name, values := range form {
		switch name {
		case "grant_type", "scope", "client_id", "client_secret":
		default:
			return "unknown parameter " + name
		}
		if len(values) > 1 {
			return name + " is repeated"
		}
	}
	return ""
}

// clientCredentials reads client_secret_basic or client_secret_post. RFC 6749 section 2.3.1 form-encodes both parts of
// the former, and forbids two methods in one request.
func clientCredentials(r *request, form url.Values) (id, secret, reason string) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return form.Get("client_id"), form.Get("client_secret"), ""
	}
	if form.Has("client_secret") {
		return "", "", "two methods of client authentication in one request"
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil {
		return "", "", "the basic credentials are not form-encoded"
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return "", "", "the form and the header name two clients"
	}
	return id, secret, ""
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// issue returns an access token with the claims of Signicat's. It is signed with ES256 where Signicat uses RS256: a
// client must not read it.
func (a *api) issue() answer {
	now := a.cfg.Now()
	end := now.Add(a.cfg.AccessTokenLifetime)
	claims := map[string]any{
		"iss": issuer, "aud": "https://api.signicat.com", "client_id": a.cfg.ClientID, "scope": []string{apiScope},
		"nbf": now.Unix(), "iat": now.Unix(), "exp": end.Unix(), "jti": strings.ToUpper(a.random.trace()), "sandbox": true,
	}
	if a.cfg.OrganizationID == "" {
		claims["account_id"] = a.cfg.AccountID
	}
	token := a.tokens.sign(claims)
	a.tokens.add(token, end, now)
	// Unverified: whether Signicat repeats the scope in its answer.
	issued := jsonAnswer(http.StatusOK, "application/json; charset=UTF-8", struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		TokenType   string `json:"token_type"`
		Scope       string `json:"scope"`
	}{token, int64(a.cfg.AccessTokenLifetime / time.Second), "Bearer", apiScope})
	issued.header.Set("Cache-Control", "no-store")
	return issued
}
