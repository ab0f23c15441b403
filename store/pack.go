package store

import (
	"strings"
	"unique"
)

// packed is a record in little memory. The parts that all logins of a gateway have in common are shared,
// and the rest is JSON. It is immutable.
type packed struct {
	common unique.Handle[common]
	own    string
}

// common has the parts that logins share. A part that differs in every login costs memory only.
type common struct {
	redirectURL, tokenRequestURL, accountID string
	// authorizationRequestURL is the URL up to its state. Attributes and scope stand before, random
	// parts after. Another order costs memory only.
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
