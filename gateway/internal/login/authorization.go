package login

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// minState is the least length of Signicat's state: at least 128 bits in base64url.
const minState = 32

// linkHost matches a host as clients send it. Names beyond ASCII are A-labels (RFC 5890).
var linkHost = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`)

// newRecord makes the record of a session. It refuses an answer of Signicat that would send the user, the
// code or the Signicat access token to a place other than itsme and Signicat.
func (e *Engine) newRecord(s StartRequest, session *signicat.Session) (*store.Record, error) {
	data := session.IDPData
	state, err := checkAuthorizationURL(data.AuthorizationRequestURL, s.RedirectURL, e.config.Simulated)
	if err != nil {
		return nil, err
	}
	if err := e.config.Signicat.CheckTokenRequestURL(data.TokenRequestURL); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignicat, err)
	}
	if session.ID == "" || data.TransactionID == "" || session.AccountID == "" {
		return nil, fmt.Errorf("%w: its answer names no session, transaction or account", ErrSignicat)
	}
	if want := e.config.AccountID; want != "" && want != session.AccountID {
		return nil, fmt.Errorf("%w: the session is of another account than signicat account_id", ErrSignicat)
	}
	now := e.config.Now()
	expires := now.Add(e.config.SessionLifetime)
	if !session.ExpiresAt.IsZero() && session.ExpiresAt.Before(expires) {
		expires = session.ExpiresAt
	}
	if !expires.After(now) {
		return nil, fmt.Errorf("%w: the session has expired already (is the clock right?)", ErrSignicat)
	}
	record := &store.Record{
		ID:                      SessionID(state),
		Kind:                    s.Kind,
		Client:                  clientKey(s.Client),
		RedirectURL:             s.RedirectURL,
		AuthorizationRequestURL: data.AuthorizationRequestURL,
		TokenRequestURL:         data.TokenRequestURL,
		SignicatID:              session.ID,
		TransactionID:           data.TransactionID,
		AccountID:               session.AccountID,
		Challenge:               s.Challenge,
		CookieHash:              s.CookieHash,
		ReturnTo:                s.ReturnTo,
		Fragment:                s.Fragment,
		Language:                s.Language,
		LoA:                     string(e.requestedLoA(s.LoA)),
		CreatedAt:               now,
		ExpiresAt:               expires,
	}
	if s.Key != "" {
		record.BindKey(s.Key)
	}
	return record, nil
}

// checkAuthorizationURL returns the state of a link that opens itsme and redirects to us.
func checkAuthorizationURL(raw, redirectURL string, simulated bool) (state string, err error) {
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsFunc(raw, func(r rune) bool { return r == ' ' || notVSCHAR(r) }) || !linkHost.MatchString(u.Host) || u.User != nil {
		return "", fmt.Errorf("%w: its authorization request URL is not a URL", ErrSignicat)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname()) || !simulated) {
		return "", fmt.Errorf("%w: its authorization request URL is not https", ErrSignicat)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w: the query of its authorization request URL is malformed", ErrSignicat)
	}
	if back := query["redirect_uri"]; len(back) != 1 || back[0] != redirectURL {
		return "", fmt.Errorf("%w: its redirect_uri is not the one asked for (is it allow-listed in the Signicat Dashboard?)", ErrSignicat)
	}
	states := query["state"]
	if len(states) != 1 || len(states[0]) < minState || strings.ContainsFunc(states[0], notVSCHAR) {
		return "", fmt.Errorf("%w: its state has fewer than %d characters, or others than RFC 6749 has", ErrSignicat, minState)
	}
	return states[0], nil
}

// notVSCHAR reports whether a state cannot hold a character (RFC 6749 appendix A.5).
func notVSCHAR(r rune) bool { return r < ' ' || r > '~' }
