package pending

import (
	"fmt"
	"time"
)

// Kind tells by which of the two redirect URLs a login comes back, and so which
// endpoint may finish it. A record of one kind is never finished as the other.
type Kind uint8

// The kinds of a login. There is no kind zero.
const (
	// App is a login that a mobile app started and finishes with its verifier.
	App Kind = iota + 1
	// Browser is a login that a page started and its login cookie finishes.
	Browser
)

// String returns the word for a kind: app or browser.
func (k Kind) String() string {
	switch k {
	case App:
		return "app"
	case Browser:
		return "browser"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Phase is how far a login has come. The zero value is [Pending].
type Phase uint8

// The phases of a login, in the order in which it goes through them.
const (
	// Pending: started, no code came back.
	Pending Phase = iota
	// Validating: somebody holds the lease and validates the code at Signicat.
	Validating
	// Validated: Signicat accepted the code; the session is being read.
	Validated
	// Issued: the login ended with a token.
	Issued
	// Denied: the person said no.
	Denied
	// Aborted: Signicat reported ABORT.
	Aborted
	// Cancelled: the client or we gave up.
	Cancelled
	// Expired: it took too long.
	Expired
	// Failed: everything else.
	Failed
)

// phaseNames are the words of the HTTP API, which does not tell the first three
// apart.
var phaseNames = [...]string{
	Pending:    "pending",
	Validating: "pending",
	Validated:  "pending",
	Issued:     "issued",
	Denied:     "denied",
	Aborted:    "aborted",
	Cancelled:  "cancelled",
	Expired:    "expired",
	Failed:     "failed",
}

// String returns the word of the HTTP API for a phase: pending, issued, denied,
// aborted, cancelled, expired or failed.
func (p Phase) String() string {
	if int(p) >= len(phaseNames) {
		return fmt.Sprintf("phase %d", uint8(p))
	}
	return phaseNames[p]
}

// Ended tells whether the login is over, well or badly.
func (p Phase) Ended() bool { return p >= Issued }

// Record is one login, from its start until [Retention] after its end. Times that
// have not come are zero. Neither the state nor the code is kept by itself, only
// hashes; the state is part of AuthorizationRequestURL.
type Record struct {
	// ID is base64url(SHA-256(state)), the session_id of the HTTP API. Required.
	ID string
	// Version counts the changes. It belongs to the store: 1 after Create, one
	// more after every Update.
	Version uint64

	// Kind says which endpoint may finish the login.
	Kind Kind
	// Phase is how far it has come.
	Phase Phase
	// Reason says why it ended, in one of our own words. Empty unless ended.
	Reason string

	// Client is who started it, for limits: an IPv4 address, or an IPv6 /64 prefix.
	Client string
	// RedirectURL is where itsme sends the person back to.
	RedirectURL string
	// AuthorizationRequestURL is the link that opens itsme.
	AuthorizationRequestURL string
	// TokenRequestURL is where the code is validated.
	TokenRequestURL string
	// SignicatID is the ID of the session at Signicat.
	SignicatID string
	// TransactionID is Signicat's second ID, which the validation names.
	TransactionID string
	// AccountID is the Signicat account that the session belongs to.
	AccountID string

	// Challenge is an app's S256 code challenge (RFC 7636). Empty matches nothing.
	Challenge string
	// CookieHash is the SHA-256 of a browser's login cookie. Zero matches nothing.
	CookieHash [32]byte
	// ReturnTo is the path a browser is sent to in the end.
	ReturnTo string

	// Language is the language of the person's pages, an ISO 639-1 code.
	Language string
	// LoA is the level of assurance asked for.
	LoA string

	// CreatedAt is when the login was started.
	CreatedAt time.Time
	// Mark is that of [Store.Mark] when the login was started.
	Mark string
	// ExpiresAt is when it can no longer finish.
	ExpiresAt time.Time
	// EndedAt is when it ended, whichever way. Required once ended.
	EndedAt time.Time

	// CodeHash is the SHA-256 of the first code that came with its binding. Zero
	// until then.
	CodeHash [32]byte
	// FirstPresented is when that code came, by the store's clock.
	FirstPresented time.Time
	// SentAt is when the code was first sent to Signicat. A later sending that is
	// refused does not say whether the code was good.
	SentAt time.Time
	// ValidatedAt is when Signicat accepted the code, by the store's clock.
	ValidatedAt time.Time
	// LeaseUntil is until when one finisher may validate, by the store's clock. After it another may.
	LeaseUntil time.Time
	// Fence numbers the leases: who finds a higher one than its own has lost.
	Fence uint64
	// AuthTime is when Signicat's SUCCESS was read.
	AuthTime time.Time

	// Token is what was issued, kept so that the same finish gets the same token.
	// The caller clears it when it may no longer be handed out.
	Token string
	// TokenID is the token's jti.
	TokenID string
	// TokenExpiresAt is the token's expiry.
	TokenExpiresAt time.Time
	// IssuedAt is when it was issued.
	IssuedAt time.Time
	// FailedCall is the last call of the login that failed at Signicat, for the log: the operation.
	// Empty when none did.
	FailedCall string
	// FailedStatus is its HTTP status, zero without an answer.
	FailedStatus uint64
	// FailedCode is Signicat's code of the failure, when there was one.
	FailedCode string
	// FailedTraceID is what Signicat's support asks for, when there was one.
	FailedTraceID string

	// Subject is the person, so that a revocation reaches a running finish.
	Subject string

	// ReadAt is the store's clock at the moment of Load. All replicas that share a store see one
	// clock in it. It is not kept.
	ReadAt time.Time
}

// Returned tells whether a code came back with its binding, or the login ended.
// A record that has not returned may be evicted.
func (r *Record) Returned() bool { return r.Phase != Pending || !r.FirstPresented.IsZero() }

// KeepUntil returns when a store forgets the record.
func (r *Record) KeepUntil() time.Time {
	if r.Phase.Ended() && !r.EndedAt.IsZero() {
		return r.EndedAt.Add(Retention)
	}
	return r.ExpiresAt.Add(Retention)
}
