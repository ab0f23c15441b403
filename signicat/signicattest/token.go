package signicattest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
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
func (s *Server) accessToken(r *request) answer {
	if !hasMediaType(r, "application/x-www-form-urlencoded") {
		return s.refuseOAuth(http.StatusBadRequest, "invalid_request", "the content type is not that of a form")
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return s.refuseOAuth(http.StatusBadRequest, "invalid_request", "the form is malformed")
	}
	if reason := wrongForm(form); reason != "" {
		return s.refuseOAuth(http.StatusBadRequest, "invalid_request", reason)
	}
	sw := s.Switches()
	id, secret, reason := clientCredentials(r, form)
	switch {
	case reason != "":
		return s.refuseOAuth(http.StatusBadRequest, "invalid_request", reason)
	case !equal(id, s.cfg.ClientID) || !equal(secret, s.cfg.ClientSecret):
		return s.refuseOAuth(sw.InvalidClientStatus, "invalid_client", "unknown client or wrong secret")
	case form.Get("grant_type") != "client_credentials":
		return s.refuseOAuth(http.StatusBadRequest, "unsupported_grant_type", "the grant type is not client_credentials")
	case form.Get("scope") != apiScope && !(sw.ScopeOptional && !form.Has("scope")):
		return s.refuseOAuth(http.StatusBadRequest, "invalid_scope", "the scope is not "+apiScope)
	}
	return s.issue()
}

func wrongForm(form url.Values) string {
	for name, values := range form {
		switch name {
		case "grant_type", "scope", "client_id", "client_secret":
		default:
			return "unknown parameter " + name
		}
		if len(values) > 1 {
			return name + " stands twice"
		}
	}
	return ""
}

// clientCredentials reads client_secret_basic or client_secret_post: RFC 6749 section 2.3.1, which form-encodes both
// parts of the former and forbids to use two methods at once.
func clientCredentials(r *request, form url.Values) (id, secret, reason string) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return form.Get("client_id"), form.Get("client_secret"), ""
	}
	if form.Has("client_secret") {
		return "", "", "two ways of client authentication at once"
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil {
		return "", "", "the basic credentials are not form-encoded"
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return "", "", "two clients at once"
	}
	return id, secret, ""
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// issue makes an access token with the claims that Signicat's have. It is signed with ES256 where Signicat uses RS256:
// a client must not look inside.
func (s *Server) issue() answer {
	now := s.cfg.Now()
	end := now.Add(s.cfg.AccessTokenLifetime)
	claims := map[string]any{
		"iss": issuer, "aud": "https://api.signicat.com", "client_id": s.cfg.ClientID, "scope": []string{apiScope},
		"nbf": now.Unix(), "iat": now.Unix(), "exp": end.Unix(), "jti": strings.ToUpper(s.random.trace()), "sandbox": true,
	}
	if s.cfg.OrganizationID == "" {
		claims["account_id"] = s.cfg.AccountID
	}
	token := s.sign(claims)
	s.mu.Lock()
	s.tokens.add(token, end, now)
	s.mu.Unlock()
	// Unverified: whether Signicat repeats the scope in its answer.
	a := jsonAnswer(http.StatusOK, "application/json; charset=UTF-8", struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		TokenType   string `json:"token_type"`
		Scope       string `json:"scope"`
	}{token, int64(s.cfg.AccessTokenLifetime / time.Second), "Bearer", apiScope})
	a.header.Set("Cache-Control", "no-store")
	return a
}

// sign makes a JWT with ES256: RFC 7518 section 3.4.
func (s *Server) sign(claims map[string]any) string {
	part := base64.RawURLEncoding.EncodeToString
	signed := part(encode(map[string]string{"alg": "ES256", "kid": s.keyID, "typ": "at+jwt"})) + "." + part(encode(claims))
	sum := sha256.Sum256([]byte(signed))
	x, y, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		panic(err) // the key is one that this package made
	}
	signature := make([]byte, 64)
	x.FillBytes(signature[:32])
	y.FillBytes(signature[32:])
	return signed + "." + part(signature)
}
