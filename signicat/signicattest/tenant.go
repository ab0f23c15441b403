package signicattest

import (
	"net/http"
	"strings"
)

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
