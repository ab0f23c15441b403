package signicattest

import (
	"net/http"
	"strings"
)

// authorize checks the access token, then account and organisation. It returns nil when they are the API client's.
func (a *api) authorize(r *request) *answer {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !a.tokens.valid(token, a.cfg.Now()) {
		refused := a.refuse(http.StatusUnauthorized, "invalid_token", "the access token is missing, unknown, revoked or expired")
		return &refused
	}
	for _, rule := range a.cfg.tenantRules(r) {
		if rule.wrong {
			refused := a.refuse(http.StatusForbidden, rule.code, rule.detail)
			return &refused
		}
	}
	return nil
}

type tenantRule struct {
	wrong        bool
	code, detail string
}

// tenantRules returns the rules for account and organisation. A client of the account may leave the account out; a
// client of an organisation cannot. Source: https://github.com/signicat/signicat-net, which sends the query on every call and
// the header with it. Unverified: which of them an organisation's client may leave out.
func (c Config) tenantRules(r *request) []tenantRule {
	q := r.URL.Query()
	account, organization := q.Get("signicat-accountId"), q.Get("signicat-organizationId")
	header := r.Header.Get("Signicat-OrganizationId")
	inHeader := r.Header.Get("Signicat-AccountId")
	own := c.OrganizationID
	wrong := func(account string) bool { return account != "" && account != c.AccountID }
	return []tenantRule{
		{wrong(account) || wrong(inHeader), "invalid_account_id", "the account is not the API client's"},
		{q.Has("signicat-accountId") && account == "", "invalid_account_id", "signicat-accountId is empty"},
		{own != "" && account+inHeader == "", "invalid_account_id", "an organisation's client must name the account"},
		{own != header, "invalid_organization_id", "the header Signicat-OrganizationId is not the API client's"},
		{own != organization, "invalid_organization_id", "signicat-organizationId is not the API client's"},
	}
}
