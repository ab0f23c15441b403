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

	// maxTokens bounds the access tokens that are remembered; the oldest goes first.
	maxTokens = 10_000
)

// tokens are the access tokens that are good, in the order of their end.
type tokens struct {
	ends  map[string]time.Time
	order []string
}

func newTokens() tokens { return tokens{ends: map[string]time.Time{}} }

func (t *tokens) add(token string, end, now time.Time) {
	for len(t.order) > 0 && (len(t.order) >= maxTokens || !now.Before(t.ends[t.order[0]])) {
		delete(t.ends, t.order[0])
		t.order = t.order[1:]
	}
	t.ends[token] = end
	t.order = append(t.order, token)
}

// RevokeAccessTokens refuses every access token of the API that was issued so far.
func (s *Server) RevokeAccessTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = newTokens()
}

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

// authorize checks the access token, then that account and organisation are the API client's. It is nil when they are.
func (s *Server) authorize(r *request) *answer {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	end, known := s.tokens.ends[token]
	s.mu.Unlock()
	if !strings.EqualFold(scheme, "Bearer") || !known || !s.cfg.Now().Before(end) {
		a := s.refuse(http.StatusUnauthorized, "invalid_token", "the access token is missing, unknown, revoked or expired")
		return &a
	}
	for _, rule := range s.tenantRules(r) {
		if rule.wrong {
			a := s.refuse(http.StatusForbidden, rule.code, rule.detail)
			return &a
		}
	}
	return nil
}

type tenantRule struct {
	wrong        bool
	code, detail string
}

// tenantRules are what account and organisation must be. A client of the account may leave the account out; a client
// of an organisation cannot. Source: https://github.com/signicat/signicat-net, which sends the query on every call and
// the header with it. Unverified: which of them an organisation's client may leave out.
func (s *Server) tenantRules(r *request) []tenantRule {
	q := r.URL.Query()
	account, organization := q.Get("signicat-accountId"), q.Get("signicat-organizationId")
	header := r.Header.Get("Signicat-OrganizationId")
	inHeader := r.Header.Get("Signicat-AccountId")
	own := s.cfg.OrganizationID
	wrong := func(account string) bool { return account != "" && account != s.cfg.AccountID }
	return []tenantRule{
		{wrong(account) || wrong(inHeader), "invalid_account_id", "the account is not the API client's"},
		{q.Has("signicat-accountId") && account == "", "invalid_account_id", "signicat-accountId is empty"},
		{own != "" && account+inHeader == "", "invalid_account_id", "an organisation's client must name the account"},
		{own != header, "invalid_organization_id", "the header Signicat-OrganizationId is not the API client's"},
		{own != organization, "invalid_organization_id", "signicat-organizationId is not the API client's"},
	}
}
