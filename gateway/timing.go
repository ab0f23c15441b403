package gateway

import "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"

// The times of a login. No configuration changes them.
const (
	// CodeLifetime bounds the age of a code, from its first presentation with the binding. Source: itsme's
	// authorization codes live three minutes, https://belgianmobileid.github.io/doc/authentication/.
	CodeLifetime = login.CodeLifetime
	// SuccessWindow bounds the time from the acceptance of a code to the SUCCESS of its session. So a 2xx
	// that a proxy made up for a wrong code is of no use later.
	SuccessWindow = login.SuccessWindow
	// FinishWait bounds the time that one call waits for a login to finish. The next call continues.
	FinishWait = login.FinishWait
	// Lease is the time in which only one call may finish a login.
	Lease = login.Lease
	// PollInterval is the time after which a client should ask again.
	PollInterval = login.PollInterval
	// MaxWait bounds a long poll of a session's status.
	MaxWait = login.MaxWait
)

// The states of [Gateway.Breaker].
const (
	// BreakerClosed: every call is made.
	BreakerClosed = login.BreakerClosed
	// BreakerHalfOpen: the next start or read of a status is made. Its result closes or opens the breaker.
	BreakerHalfOpen = login.BreakerHalfOpen
	// BreakerOpen: starts are refused, statuses come from the store alone, and cancels are left to the
	// session's expiry. Logins whose code came back continue.
	BreakerOpen = login.BreakerOpen
)

// SessionID returns the session_id of a state: base64url(SHA-256(state)). It reveals nothing of the state, so
// URLs may hold it.
func SessionID(state string) string { return login.SessionID(state) }
