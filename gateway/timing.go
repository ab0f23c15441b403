package gateway

import "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"

// The times of a login. No configuration changes them.
const (
	// CodeLifetime is how old a code may get, counted from its first bound presentation.
	// Source: itsme's authorization codes live three minutes,
	// https://belgianmobileid.github.io/doc/authentication/.
	CodeLifetime = login.CodeLifetime
	// SuccessWindow is how long after Signicat accepted a code its session may show SUCCESS. A
	// 2xx that a proxy wrote for a made-up code thus counts for no longer.
	SuccessWindow = login.SuccessWindow
	// FinishWait is how long one call waits for a login to finish; the next call goes on.
	FinishWait = login.FinishWait
	// Lease is how long one finisher has a login for itself.
	Lease = login.Lease
	// Interval is how often a client should ask again.
	Interval = login.Interval
	// MaxWait bounds a long poll of a session's status.
	MaxWait = login.MaxWait
)

// The states of [Gateway.Breaker].
const (
	// BreakerClosed: every call is made.
	BreakerClosed = login.BreakerClosed
	// BreakerHalfOpen: the next start or read of a status is made, and decides.
	BreakerHalfOpen = login.BreakerHalfOpen
	// BreakerOpen: starts are refused, statuses are answered without asking Signicat, and cancels are
	// left to the session's expiry. Logins whose code came back go on.
	BreakerOpen = login.BreakerOpen
)

// SessionID is the public name of a pending session: base64url(SHA-256(state)). It reveals
// nothing of the state, so it may stand in URLs.
func SessionID(state string) string { return login.SessionID(state) }
