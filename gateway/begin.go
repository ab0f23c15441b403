package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// minState is the least length of Signicat's state: 128 bits and more in base64url.
	minState = 32
	// sameStart is for how long the same challenge from the same client means the same session.
	sameStart = 30 * time.Second
	// cancelTimeout bounds a cancel that nobody waits for.
	cancelTimeout = 15 * time.Second
	// maxCancels bounds the cancels under way that nobody waits for; more are left to expire.
	maxCancels = 64
)

// start is who starts a login, and what they ask for.
type start struct {
	kind        pending.Kind
	client      netip.Addr
	redirectURL string
	challenge   string
	cookieHash  [sha256.Size]byte
	returnTo    string
	language    string
	loa         signicat.LoA
}

// SessionID is the public name of a pending session: base64url(SHA-256(state)). It tells
// nothing of the state, so it may stand in URLs.
func SessionID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin starts a session at Signicat and keeps it as a pending session.
func (e *engine) begin(ctx context.Context, s start) (_ *pending.Record, err error) {
	ctx, traced := startSpan(ctx, spanBegin, s.kind)
	defer func() { endSpan(traced, err) }()
	if !e.started() {
		return nil, errStarting
	}
	if err := e.signicat.refusal(); err != nil {
		return nil, signicatError(err) // before it counts against the client's limit
	}
	if err := e.countStart(ctx, s.client); err != nil {
		return nil, err
	}
	session, err := e.signicat.CreateSession(ctx, e.sessionRequest(s))
	if errors.Is(err, errOpen) {
		return nil, signicatError(err) // the breaker told the log once
	}
	if err != nil {
		e.logStart(ctx, s, err)
		return nil, signicatError(err)
	}
	record, err := e.newRecord(s, session)
	if err != nil {
		e.cancelLater(ctx, session.ID)
		e.logStart(ctx, s, err)
		return nil, err
	}
	if record.Mark, err = e.store.Mark(ctx); err != nil {
		e.cancelLater(ctx, session.ID)
		return nil, storeError(err)
	}
	bounds := pending.Bounds{Total: e.config.Limit.Pending, PerClient: e.config.Limit.PendingPerClient}
	if _, err := e.store.Create(ctx, record, bounds); err != nil {
		e.cancelLater(ctx, session.ID)
		if err = createError(err); errors.Is(err, errSignicat) {
			e.logStart(ctx, s, err)
		}
		return nil, err
	}
	e.logStart(ctx, s, nil)
	return record, nil
}

// countStart counts a start by its client, by the IPv6 network of the client, and altogether. It
// returns errRate where one of them is full. That one and those after it then count nothing: what
// a client starts beyond its own limit takes nothing from others.
func (e *engine) countStart(ctx context.Context, addr netip.Addr) error {
	limit := e.config.Limit
	quotas := clientQuotas("start:", addr, limit.SessionsPerClient, limit.SessionsWindow)
	if limit.AllSessions > 0 {
		quotas = append(quotas, quota{"starts", limit.AllSessions, limit.AllSessionsWindow})
	}
	return e.allow(ctx, errRate, quotas...)
}

// createError: a state that is not new means that Signicat's answer cannot be trusted.
func createError(err error) error {
	switch {
	case errors.Is(err, pending.ErrExists):
		return fmt.Errorf("%w: its state is not new", errSignicat)
	case errors.Is(err, pending.ErrInvalid):
		return fmt.Errorf("%w: its answer is too large", errSignicat)
	case errors.Is(err, pending.ErrFull):
		return retryAfter(errRate, time.Second)
	}
	return storeError(err)
}

// beginOnce gives the same session to an app that repeats its start, because its first answer
// was lost, instead of starting another.
func (e *engine) beginOnce(ctx context.Context, s start) (*pending.Record, error) {
	key := "challenge:" + clientKey(s.client) + ":" + s.challenge + ":" + s.redirectURL
	shared, err, _ := e.starts.Do(key, func() (any, error) {
		// Whoever waits along must not fail because the first one hung up.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		return e.beginOrFind(ctx, key, s)
	})
	if err != nil {
		return nil, err
	}
	record := *shared.(*pending.Record)
	return &record, nil
}

// startTimeout bounds a start: an access token, a session, and the store.
const startTimeout = 30 * time.Second

func (e *engine) beginOrFind(ctx context.Context, key string, s start) (*pending.Record, error) {
	id, err := e.store.Recall(ctx, key)
	if err != nil {
		err = storeError(err)
		e.observeStart(ctx, s.kind, nil, err)
		return nil, err
	}
	if id != "" {
		record, err := e.store.Load(ctx, id)
		if err == nil && record.Phase == pending.Pending {
			return record, nil
		}
	}
	record, err := e.begin(ctx, s)
	e.observeStart(ctx, s.kind, record, err)
	if err != nil {
		return nil, err
	}
	if _, err := e.store.Remember(ctx, key, record.ID, sameStart); err != nil {
		return nil, storeError(err)
	}
	return record, nil
}

// sessionRequest asks for the headless flow with itsme and nothing else.
func (e *engine) sessionRequest(s start) signicat.SessionRequest {
	return signicat.SessionRequest{
		AllowedProviders:       []string{provider},
		AdditionalParameters:   map[string]string{"itsme_redirect_url": s.redirectURL},
		RequestedAttributes:    e.config.Attributes,
		RequestedLoA:           e.requestedLoA(s.loa),
		Language:               s.language,
		SessionLifetimeSeconds: int(e.config.SessionLifetime / time.Second),
	}
}

// provider is Signicat's name of itsme.
const provider = "itsme"

// requestedLoA is the higher of what the gateway and the client ask for.
func (e *engine) requestedLoA(asked signicat.LoA) signicat.LoA {
	if e.config.LoA == "" || asked.AtLeast(e.config.LoA) {
		return asked
	}
	return e.config.LoA
}

// newRecord refuses an answer of Signicat's that would send the person, the code or our access
// token anywhere but where they belong.
func (e *engine) newRecord(s start, session *signicat.Session) (*pending.Record, error) {
	data := session.IDPData
	state, err := e.checkAuthorizationURL(data.AuthorizationRequestURL, s.redirectURL)
	if err != nil {
		return nil, err
	}
	if err := e.signicat.CheckTokenRequestURL(data.TokenRequestURL); err != nil {
		return nil, fmt.Errorf("%w: %w", errSignicat, err)
	}
	if session.ID == "" || data.TransactionID == "" || session.AccountID == "" {
		return nil, fmt.Errorf("%w: its answer names no session, transaction or account", errSignicat)
	}
	if want := e.config.Signicat.AccountID; want != "" && want != session.AccountID {
		return nil, fmt.Errorf("%w: the session is of another account than signicat account_id", errSignicat)
	}
	now := e.now()
	expires := now.Add(e.config.SessionLifetime)
	if !session.ExpiresAt.IsZero() && session.ExpiresAt.Before(expires) {
		expires = session.ExpiresAt
	}
	if !expires.After(now) {
		return nil, fmt.Errorf("%w: the session has expired already (is the clock right?)", errSignicat)
	}
	return &pending.Record{
		ID:                      SessionID(state),
		Kind:                    s.kind,
		Client:                  clientKey(s.client),
		RedirectURL:             s.redirectURL,
		AuthorizationRequestURL: data.AuthorizationRequestURL,
		TokenRequestURL:         data.TokenRequestURL,
		SignicatID:              session.ID,
		TransactionID:           data.TransactionID,
		AccountID:               session.AccountID,
		Challenge:               s.challenge,
		CookieHash:              s.cookieHash,
		ReturnTo:                s.returnTo,
		Language:                s.language,
		LoA:                     string(e.requestedLoA(s.loa)),
		CreatedAt:               now,
		ExpiresAt:               expires,
	}, nil
}

// checkAuthorizationURL returns the state of a link that opens itsme and comes back to us.
func (e *engine) checkAuthorizationURL(raw, redirectURL string) (state string, err error) {
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsFunc(raw, func(r rune) bool { return r == ' ' || notVSCHAR(r) }) || !sentHost.MatchString(u.Host) || u.User != nil {
		return "", fmt.Errorf("%w: its authorization request URL is not a URL", errSignicat)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname()) || !e.loopbackAPI()) {
		return "", fmt.Errorf("%w: its authorization request URL is not https", errSignicat)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("%w: the query of its authorization request URL is malformed", errSignicat)
	}
	if back := query["redirect_uri"]; len(back) != 1 || back[0] != redirectURL {
		return "", fmt.Errorf("%w: its redirect_uri is not the one asked for (is it allow-listed in the Signicat Dashboard?)", errSignicat)
	}
	states := query["state"]
	if len(states) != 1 || len(states[0]) < minState || strings.ContainsFunc(states[0], notVSCHAR) {
		return "", fmt.Errorf("%w: its state has fewer than %d characters, or others than RFC 6749 has", errSignicat, minState)
	}
	return states[0], nil
}

// notVSCHAR reports whether a character cannot stand in a state (RFC 6749 appendix A.5).
func notVSCHAR(r rune) bool { return r < ' ' || r > '~' }

// loopbackAPI reports whether Signicat is a simulator on this machine.
func (e *engine) loopbackAPI() bool {
	return strings.HasPrefix(e.config.Signicat.APIURL, "http://")
}

// cancelLater cancels a session at Signicat that nobody will finish. It is a courtesy to the
// person, whose phone would otherwise still ask: a failure is left to the session's expiry.
func (e *engine) cancelLater(ctx context.Context, signicatID string) {
	select {
	case e.cancels <- struct{}{}:
	default:
		return
	}
	e.after(ctx, cancelTimeout, func(ctx context.Context) {
		defer func() { <-e.cancels }()
		if err := e.signicat.CancelSession(ctx, signicatID); err != nil {
			e.log.DebugContext(ctx, "cancelling at Signicat", errorAttr(err))
		}
	})
}
