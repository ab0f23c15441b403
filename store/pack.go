package store

import (
	"strings"
	"unique"
)

// packed is a record in as little memory as possible: the parts that all logins of
// a gateway have in common once for all, the rest in JSON. It is never changed.
type packed struct {
	common unique.Handle[common]
	own    string
}

// common is what one login shares with others. Should a field be another one in
// every login, nothing is lost but memory.
type common struct {
	redirectURL, tokenRequestURL, accountID string
	// authorizationRequestURL is the URL up to its state: attributes and scope
	// stand before, what is random after. Nothing relies on that order.
	authorizationRequestURL string
}

// stateParameter ends the common part of an authorization request URL.
const stateParameter = "&state="

func (c common) size() int {
	return len(c.redirectURL) + len(c.tokenRequestURL) + len(c.accountID) + len(c.authorizationRequestURL)
}

func pack(r *Record) (packed, error) {
	c := common{redirectURL: r.RedirectURL, tokenRequestURL: r.TokenRequestURL, accountID: r.AccountID}
	own := *r
	own.RedirectURL, own.TokenRequestURL, own.AccountID = "", "", ""
	if at := strings.Index(r.AuthorizationRequestURL, stateParameter); at >= 0 {
		c.authorizationRequestURL = r.AuthorizationRequestURL[:at]
		own.AuthorizationRequestURL = r.AuthorizationRequestURL[at:]
	}
	data, err := encode(&own)
	if err != nil {
		return packed{}, err
	}
	if err := check(r, len(data)+c.size()); err != nil {
		return packed{}, err
	}
	return packed{common: unique.Make(c), own: string(data)}, nil
}

func (p packed) unpack() (*Record, error) {
	r, err := Decode([]byte(p.own))
	if err != nil {
		return nil, err
	}
	c := p.common.Value()
	r.RedirectURL, r.TokenRequestURL, r.AccountID = c.redirectURL, c.tokenRequestURL, c.accountID
	r.AuthorizationRequestURL = c.authorizationRequestURL + r.AuthorizationRequestURL
	return r, nil
}
