package store

import (
	"fmt"
	"time"
)

// Record is one login, from its start until [Retention] after its end. Unknown times are zero, and texts
// are UTF-8. It has hashes of the state and the code. Only AuthorizationRequestURL has the state itself.
//
// Its tags name the members of the stored JSON. Two releases share it, so a name keeps its meaning, and
// no two names differ in case only. Zero values are left out, times are RFC 3339 in UTC and to the
// nanosecond.
type Record struct {
	// ID is base64url(SHA-256(state)), the session_id of the HTTP API. Required.
	ID string `json:"-"`
	// Version counts the changes. The store sets it: 1 after Create, one more after every Update.
	Version uint64 `json:"-"`

	// Kind decides which endpoint may finish the login.
	Kind Kind `json:"kind,omitzero"`
	// Phase is the state of the login.
	Phase Phase `json:"phase,omitzero"`
	// Reason is one of our words for why the login ended. Empty unless ended.
	Reason string `json:"reason,omitzero"`

	// Client is the address that started the login, for limits: an IPv4 address, or an IPv6 /64 prefix.
	Client string `json:"client,omitzero"`
	// RedirectURL is the redirect URL that itsme opens.
	RedirectURL string `json:"redirect_url,omitzero"`
	// AuthorizationRequestURL is the link that opens itsme.
	AuthorizationRequestURL string `json:"authorization_request_url,omitzero"`
	// TokenRequestURL is the URL that validates the code.
	TokenRequestURL string `json:"token_request_url,omitzero"`
	// SignicatID is the ID of the session at Signicat.
	SignicatID string `json:"signicat_session_id,omitzero"`
	// TransactionID is Signicat's second ID, which the validation names.
	TransactionID string `json:"transaction_id,omitzero"`
	// AccountID is the Signicat account that the session belongs to.
	AccountID string `json:"account_id,omitzero"`

	// Challenge is an app's S256 code challenge (RFC 7636). Empty matches nothing.
	Challenge string `json:"code_challenge,omitzero"`
	// KeyThumbprint is the RFC 7638 thumbprint of the key that the login is bound to (RFC 9449). [Record.BindKey] sets
	// it. Empty for a login without a key, and for one whose first finish decides.
	KeyThumbprint string `json:"dpop_jkt,omitzero"`
	// CookieHash is the SHA-256 of a browser's login cookie. Zero matches nothing.
	CookieHash Bytes32 `json:"cookie_hash,omitzero"`
	// ReturnTo is the path that a browser is redirected to after the login.
	ReturnTo string `json:"return_to,omitzero"`
	// Fragment is set when the browser keeps a fragment of the URL of ReturnTo. The fragment itself is never sent.
	Fragment bool `json:"fragment,omitzero"`

	// Language is the language of the user's pages, an ISO 639-1 code.
	Language string `json:"language,omitzero"`
	// LoA is the requested level of assurance.
	LoA string `json:"loa,omitzero"`

	// CreatedAt is the time of the start.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Mark is the result of [Revocations.Mark] at the start.
	Mark string `json:"revocation_mark,omitzero"`
	// ExpiresAt is the time from which the login can no longer finish.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// EndedAt is the time of the end, with or without a token. Required once ended.
	EndedAt time.Time `json:"ended_at,omitzero"`

	// CodeHash is the SHA-256 of the first code that was presented with its binding. Zero before.
	CodeHash Bytes32 `json:"code_hash,omitzero"`
	// FirstPresented is the time at which that code was presented, by the store's clock.
	FirstPresented time.Time `json:"first_presented_at,omitzero"`
	// SentAt is the time at which the code was first sent to Signicat. When Signicat refuses it later,
	// the code may have been valid all the same.
	SentAt time.Time `json:"code_sent_at,omitzero"`
	// ValidatedAt is the time at which Signicat accepted the code, by the store's clock.
	ValidatedAt time.Time `json:"validated_at,omitzero"`
	// LeaseUntil is the end of the lease of one finisher, by the store's clock. Another may then validate.
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	// Fence numbers the leases. A finisher that finds a higher one than its own has lost its lease.
	Fence uint64 `json:"fence,omitzero"`
	// AuthTime is the time at which Signicat's SUCCESS was read.
	AuthTime time.Time `json:"auth_time,omitzero"`

	// Token is the issued token. A repeated finish gets it again. The caller clears it when it must no
	// longer be sent.
	Token string `json:"token,omitzero"`
	// TokenID is the token's jti.
	TokenID string `json:"token_id,omitzero"`
	// TokenExpiresAt is the token's expiry.
	TokenExpiresAt time.Time `json:"token_expires_at,omitzero"`
	// IssuedAt is the time of its issue.
	IssuedAt time.Time `json:"issued_at,omitzero"`
	// FailedCall is the operation of the last failed call to Signicat, for the log. Empty when none
	// failed.
	FailedCall string `json:"failed_call,omitzero"`
	// FailedStatus is its HTTP status, zero without an answer.
	FailedStatus uint64 `json:"failed_status,omitzero"`
	// FailedCode is Signicat's code of the failure, or empty.
	FailedCode string `json:"failed_code,omitzero"`
	// FailedTraceID is the trace id for Signicat's support, or empty.
	FailedTraceID string `json:"failed_trace_id,omitzero"`

	// Subject is the user, so that a revocation reaches a running finish.
	Subject string `json:"subject,omitzero"`

	// ReadAt is the store's clock at the moment of Load. All replicas that share a store see one
	// clock in it. It is not kept.
	ReadAt time.Time `json:"-"`

	// Needs has words, with spaces between them, that a release must know to handle the record. A
	// release that lacks one of them does not change the record: see [ErrNewer]. This release writes
	// dpop, for a login that is bound to a key.
	Needs string `json:"needs,omitzero"`
	// Unknown has the members of a newer release. The caller does not change it.
	Unknown Members `json:"-"`
}

// BindKey binds the login to a key. A release that ignores the key would give the login to a client without it, so
// Needs gets a word.
func (r *Record) BindKey(thumbprint string) {
	r.KeyThumbprint, r.Needs = thumbprint, withNeed(r.Needs, needDPoP)
}

// Duration returns the time from start to end of a login that ended. It is not negative, even when two
// clocks differ.
func (r *Record) Duration() time.Duration { return max(0, r.EndedAt.Sub(r.CreatedAt)) }

// Returned reports whether a code was presented with its binding, or the login ended. A record that has
// not returned can be evicted.
func (r *Record) Returned() bool { return r.Phase != Pending || !r.FirstPresented.IsZero() }

// KeepUntil returns the time from which a store no longer has the record: [Retention] after the end of its
// login. A browser may open the callback of its login again, so an ended record of a browser stays at least
// until its login would have expired.
func (r *Record) KeepUntil() time.Time {
	end := r.ExpiresAt
	if r.ended() {
		end = r.EndedAt
	}
	until := end.Add(Retention)
	if r.Kind == Browser && r.ExpiresAt.After(until) {
		return r.ExpiresAt
	}
	return until
}

func (r *Record) ended() bool { return r.Phase.Ended() && !r.EndedAt.IsZero() }

// Reduce drops the token, the user and all of Signicat's from a record that is kept longer than [Retention]
// after its end. What stays leads a browser back to its page. Load returns a record like that, by the
// store's clock.
func (r *Record) Reduce(now time.Time) {
	if !r.ended() || now.Before(r.EndedAt.Add(Retention)) {
		return
	}
	*r = Record{
		ID: r.ID, Version: r.Version, Kind: r.Kind, Phase: r.Phase, Reason: r.Reason, Client: r.Client,
		CookieHash: r.CookieHash, ReturnTo: r.ReturnTo, Fragment: r.Fragment, Language: r.Language, LoA: r.LoA,
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, EndedAt: r.EndedAt, TokenID: r.TokenID,
		ReadAt: r.ReadAt, Needs: r.Needs, Unknown: r.Unknown,
	}
}

// Encode returns a record in JSON, for a store outside of the process, without ID and Version: such a
// store has them as its key and for its comparison. It returns [ErrInvalid] for an invalid record.
func Encode(r *Record) ([]byte, error) {
	data, err := encode(r)
	if err != nil {
		return nil, err
	}
	return data, check(r, len(data))
}

// Decode returns the record that [Encode] wrote, in this release or another. Its times are in UTC. It
// returns [ErrNewer] for a record that needs a newer release.
func Decode(data []byte) (*Record, error) {
	r, unknown, err := unmarshal[Record](data)
	if err == nil {
		err = checkNeeds(r.Needs)
	}
	if err != nil {
		return nil, err
	}
	if !inUTC(r.times()) {
		return nil, errCorrupt
	}
	r.Unknown = unknown
	return r, nil
}

// encode returns the record in JSON, of any size.
func encode(r *Record) ([]byte, error) {
	own := *r
	inUTC(own.times())
	return marshal(&own, r.Unknown)
}

// times returns every time of a record.
func (r *Record) times() []*time.Time {
	return []*time.Time{
		&r.CreatedAt, &r.ExpiresAt, &r.EndedAt,
		&r.FirstPresented, &r.SentAt, &r.ValidatedAt, &r.LeaseUntil, &r.AuthTime,
		&r.TokenExpiresAt, &r.IssuedAt,
	}
}

// inUTC converts times to UTC. It is not ok when RFC 3339 cannot write a year.
func inUTC(times []*time.Time) (ok bool) {
	ok = true
	for _, t := range times {
		*t = t.UTC()
		ok = ok && t.Year() >= 0 && t.Year() <= 9999
	}
	return ok
}

// check returns [ErrInvalid] for an invalid record. Size is its length in JSON.
func check(r *Record, size int) error {
	switch {
	case r.ID == "":
		return fmt.Errorf("%w: no ID", ErrInvalid)
	case len(r.Token) > MaxTokenSize:
		return fmt.Errorf("%w: token of %d bytes", ErrInvalid, len(r.Token))
	case size-len(r.Token) > MaxRecordSize:
		return fmt.Errorf("%w: %d bytes", ErrInvalid, size)
	}
	return nil
}
