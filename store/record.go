package store

import (
	"fmt"
	"time"
)

// Record is one login, from its start until [Retention] after its end. Times that
// have not come are zero, and texts are UTF-8. It has hashes of the state and the code, and the
// state itself in AuthorizationRequestURL only.
//
// Its tags name the members of the JSON that a store keeps. Two releases share it, so a name keeps
// its meaning, and no two names differ in case only. Zero values are left out, times are RFC 3339 in
// UTC and to the nanosecond.
type Record struct {
	// ID is base64url(SHA-256(state)), the session_id of the HTTP API. Required.
	ID string `json:"-"`
	// Version counts the changes. It belongs to the store: 1 after Create, one
	// more after every Update.
	Version uint64 `json:"-"`

	// Kind says which endpoint may finish the login.
	Kind Kind `json:"kind,omitzero"`
	// Phase is how far it has come.
	Phase Phase `json:"phase,omitzero"`
	// Reason says why it ended, in one of our own words. Empty unless ended.
	Reason string `json:"reason,omitzero"`

	// Client is the address that started it, for limits: an IPv4 address, or an IPv6 /64 prefix.
	Client string `json:"client,omitzero"`
	// RedirectURL is where itsme sends the user back to.
	RedirectURL string `json:"redirect_url,omitzero"`
	// AuthorizationRequestURL is the link that opens itsme.
	AuthorizationRequestURL string `json:"authorization_request_url,omitzero"`
	// TokenRequestURL is where the code is validated.
	TokenRequestURL string `json:"token_request_url,omitzero"`
	// SignicatID is the ID of the session at Signicat.
	SignicatID string `json:"signicat_session_id,omitzero"`
	// TransactionID is Signicat's second ID, which the validation names.
	TransactionID string `json:"transaction_id,omitzero"`
	// AccountID is the Signicat account that the session belongs to.
	AccountID string `json:"account_id,omitzero"`

	// Challenge is an app's S256 code challenge (RFC 7636). Empty matches nothing.
	Challenge string `json:"code_challenge,omitzero"`
	// CookieHash is the SHA-256 of a browser's login cookie. Zero matches nothing.
	CookieHash Bytes32 `json:"cookie_hash,omitzero"`
	// ReturnTo is the path a browser is sent to in the end.
	ReturnTo string `json:"return_to,omitzero"`

	// Language is the language of the user's pages, an ISO 639-1 code.
	Language string `json:"language,omitzero"`
	// LoA is the level of assurance asked for.
	LoA string `json:"loa,omitzero"`

	// CreatedAt is when the login was started.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Mark is that of [Revocations.Mark] when the login was started.
	Mark string `json:"revocation_mark,omitzero"`
	// ExpiresAt is when it can no longer finish.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// EndedAt is when it ended, whichever way. Required once ended.
	EndedAt time.Time `json:"ended_at,omitzero"`

	// CodeHash is the SHA-256 of the first code that came with its binding. Zero
	// until then.
	CodeHash Bytes32 `json:"code_hash,omitzero"`
	// FirstPresented is when that code came, by the store's clock.
	FirstPresented time.Time `json:"first_presented_at,omitzero"`
	// SentAt is when the code was first sent to Signicat. A later sending that is
	// refused does not say whether the code was good.
	SentAt time.Time `json:"code_sent_at,omitzero"`
	// ValidatedAt is when Signicat accepted the code, by the store's clock.
	ValidatedAt time.Time `json:"validated_at,omitzero"`
	// LeaseUntil is until when one finisher may validate, by the store's clock. After it another may.
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	// Fence numbers the leases: a finisher that finds a higher one than its own has lost.
	Fence uint64 `json:"fence,omitzero"`
	// AuthTime is when Signicat's SUCCESS was read.
	AuthTime time.Time `json:"auth_time,omitzero"`

	// Token is what was issued, kept so that the same finish gets the same token.
	// The caller clears it when it may no longer be handed out.
	Token string `json:"token,omitzero"`
	// TokenID is the token's jti.
	TokenID string `json:"token_id,omitzero"`
	// TokenExpiresAt is the token's expiry.
	TokenExpiresAt time.Time `json:"token_expires_at,omitzero"`
	// IssuedAt is when it was issued.
	IssuedAt time.Time `json:"issued_at,omitzero"`
	// FailedCall is the last call of the login that failed at Signicat, for the log: the operation.
	// Empty when none did.
	FailedCall string `json:"failed_call,omitzero"`
	// FailedStatus is its HTTP status, zero without an answer.
	FailedStatus uint64 `json:"failed_status,omitzero"`
	// FailedCode is Signicat's code of the failure, when there was one.
	FailedCode string `json:"failed_code,omitzero"`
	// FailedTraceID is what Signicat's support asks for, when there was one.
	FailedTraceID string `json:"failed_trace_id,omitzero"`

	// Subject is the user, so that a revocation reaches a running finish.
	Subject string `json:"subject,omitzero"`

	// ReadAt is the store's clock at the moment of Load. All replicas that share a store see one
	// clock in it. It is not kept.
	ReadAt time.Time `json:"-"`

	// Needs has the words, with spaces between them, that a release must know to handle the record. A
	// release that does not know one of them leaves the record alone: see [ErrNewer]. This release
	// writes none.
	Needs string `json:"needs,omitzero"`
	// Unknown is what a newer release stored beside. The caller leaves it as it is.
	Unknown Members `json:"-"`
}

// Duration returns how long a login took that ended. It is not negative: its start and its end may be
// by two clocks.
func (r *Record) Duration() time.Duration { return max(0, r.EndedAt.Sub(r.CreatedAt)) }

// Returned reports whether a code came back with its binding, or the login ended.
// A record that has not returned may be evicted.
func (r *Record) Returned() bool { return r.Phase != Pending || !r.FirstPresented.IsZero() }

// KeepUntil returns when a store forgets the record.
func (r *Record) KeepUntil() time.Time {
	if r.Phase.Ended() && !r.EndedAt.IsZero() {
		return r.EndedAt.Add(Retention)
	}
	return r.ExpiresAt.Add(Retention)
}

// Encode returns a record in JSON, for a store outside of the process: all of it but ID and Version,
// which are such a store's key and its means to compare. It returns [ErrInvalid] for a record that no
// store keeps.
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

// inUTC moves times to UTC. It is not ok when RFC 3339 cannot write the year of one there.
func inUTC(times []*time.Time) (ok bool) {
	ok = true
	for _, t := range times {
		*t = t.UTC()
		ok = ok && t.Year() >= 0 && t.Year() <= 9999
	}
	return ok
}

// check refuses a record that no store keeps. Size is what it takes in JSON.
func check(r *Record, size int) error {
	switch {
	case r.ID == "":
		return fmt.Errorf("%w: no ID", ErrInvalid)
	case len(r.Token) > MaxTokenSize:
		return fmt.Errorf("%w: token of %d bytes", ErrInvalid, len(r.Token))
	case size-len(r.Token) > MaxSize:
		return fmt.Errorf("%w: %d bytes", ErrInvalid, size)
	}
	return nil
}
