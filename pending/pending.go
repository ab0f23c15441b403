// Package pending keeps logins that were started and are not finished, and what
// must be known of finished ones for a while: the answer for a client that lost
// its own, limits on starts, the tokens that are refused before they expire, and
// the logins that may be refreshed.
//
// A [Store] holds no logic of a login. It gives the caller one thing that is hard
// to get right over many replicas: a record changes only by compare-and-set
// ([Store.Update]), so that of any number of finishes of one login exactly one
// goes on at every step. [Memory] serves a single process. Every store passes the
// suite in package pendingtest.
package pending

import (
	"context"
	"errors"
	"time"
)

// Retention is how long a record outlives its login: [Record.EndedAt] of one that
// ended, [Record.ExpiresAt] of one that did not. Afterwards it is not found.
const Retention = 5 * time.Minute

// MaxSize bounds one record in bytes, encoded and without its Token. What exceeds
// it comes from a misbehaving Signicat or client: an authorization request URL
// that long opens no app.
const MaxSize = 8 << 10

// MaxTokenSize bounds [Record.Token] and [Family.Token] in bytes.
const MaxTokenSize = 8 << 10

// MaxStaleness bounds the age of what [Store.Revoked] answers from. A store that several replicas
// share may answer from a copy of this age. A store with an older copy answers [ErrUnavailable].
const MaxStaleness = time.Second

// MaxLogins is how many logins of one subject a store enrolls. When there is one more, the login
// that ends first is forgotten, and [Store.WithdrawAll] does not return it.
const MaxLogins = 100

var (
	// ErrNotFound is returned when the store holds no record with that ID: there
	// was none, it was evicted, or its [Retention] is over.
	ErrNotFound = errors.New("no such pending session")
	// ErrExists is returned when a record is created under an ID that is taken.
	ErrExists = errors.New("pending session exists already")
	// ErrConflict is returned when a record changed since it was loaded. Load it
	// again and decide anew.
	ErrConflict = errors.New("pending session was changed meanwhile")
	// ErrFull is returned when a bound is reached and no record may be evicted.
	ErrFull = errors.New("too many pending sessions")
	// ErrInvalid is returned when a record, family or revocation cannot be kept as
	// given: it has no ID, is larger than [MaxSize] or [MaxFamilySize], or names no
	// scope.
	ErrInvalid = errors.New("invalid record")
	// ErrUnavailable is returned when the store cannot answer: it is away, too
	// slow, or closed. The caller refuses; it never lets in.
	ErrUnavailable = errors.New("session store unavailable")
)

// Bounds limit how many pending sessions a store holds. Only records that have
// neither ended nor expired count.
type Bounds struct {
	// Total is how many there may be altogether. Required, at least 1.
	// Those that ended or expired come on top: a store may keep twice Total in all,
	// and then drop the one that ended first before its [Retention] is over.
	Total int
	// PerClient is how many one client may hold. Required, at least 1.
	PerClient int
}

// Scope says what a [Revocation] refuses.
type Scope uint8

// The scopes of a revocation. There is no scope zero.
const (
	// ScopeToken refuses the one token whose jti is the ID.
	ScopeToken Scope = iota + 1
	// ScopeLogin refuses every token that descends from one login.
	ScopeLogin
	// ScopeSubject refuses every token of one person.
	ScopeSubject
)

// Revocation refuses tokens before they expire.
type Revocation struct {
	// Scope says what ID is. Required.
	Scope Scope
	// ID is the jti, the login or the subject. Required.
	ID string
	// IssuedUntil limits the refusal to tokens issued in this second or before, so
	// that a person can log in again. Zero refuses them whenever they were issued.
	IssuedUntil time.Time
	// Until is when the last token concerned has expired and the revocation may be
	// forgotten. Required; a time in the past revokes nothing.
	Until time.Time
}

// Credential is what a revocation can refer to in a token.
type Credential struct {
	// TokenID is its jti. Empty is never revoked.
	TokenID string
	// Login is the login it descends from. Empty is never revoked.
	Login string
	// Subject is the person. Empty is never revoked.
	Subject string
	// IssuedAt is its iat. Compared in whole seconds.
	IssuedAt time.Time
	// Mark is that of [Store.Mark] when its login began. A revocation of the subject that the mark
	// includes does not refuse it, whatever the clocks say. Empty includes none.
	Mark string
}

// Store keeps pending sessions and what belongs to them. Its methods may be called
// by any number of goroutines at once. They return the context's error when it is
// done before the store answered, and [ErrUnavailable] when the store cannot
// answer. Records are never shared with the caller: what goes in and what comes
// out are copies.
type Store interface {
	// Create keeps a new record and sets its Version to 1.
	//
	// When r.Client holds b.PerClient records, its own oldest unreturned one goes
	// ([Record.Returned]). When there are b.Total, the oldest unreturned one of
	// the client that holds most goes, counting the new one; of clients that hold
	// the same, the one whose record is oldest. So a client that floods evicts its
	// own. Evicted are the IDs of those that went, all of them still pending: rarely
	// more than one, and never more than a few, so that bounds which were lowered
	// are reached step by step.
	//
	// It returns [ErrExists], [ErrFull] when none may go, and [ErrInvalid]; r is
	// then unchanged and nothing is kept or evicted.
	Create(ctx context.Context, r *Record, b Bounds) (evicted []string, err error)

	// Load returns the record with that ID and its ReadAt, or [ErrNotFound]. Its times are in
	// UTC and to the nanosecond. A record that expired without having ended is
	// returned as it is: marking it is the caller's business.
	Load(ctx context.Context, id string) (*Record, error)

	// Update replaces the record if its version is still r.Version, and advances
	// r.Version; otherwise it returns [ErrConflict], or [ErrNotFound] when there is
	// none, or [ErrInvalid], and r is unchanged. ID, Client and CreatedAt are fixed
	// by Create: changing them has no defined effect.
	Update(ctx context.Context, r *Record) error

	// Remember keeps value under key for ttl unless a value is there, and returns
	// the one that is there now: of many that remember at once all get the same.
	Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error)

	// Recall returns the value that [Store.Remember] keeps under key, or the empty
	// string when there is none.
	Recall(ctx context.Context, key string) (kept string, err error)

	// Allow counts one event under key, of which limit may happen at once and then
	// one more every window/limit; in any window thus fewer than twice the limit
	// (the generic cell rate algorithm, a leaky bucket). It returns zero when the
	// event is allowed, else how long to wait for the next to be; a refused event
	// counts nothing. A limit under 1 or a window under 1 ns allows nothing.
	Allow(ctx context.Context, key string, limit int, window time.Duration) (retryAfter time.Duration, err error)

	// Revoke refuses tokens from now on. A second revocation of the same ID only
	// adds to the first. It returns [ErrInvalid] without a scope or an ID.
	Revoke(ctx context.Context, v Revocation) error

	// Revoked tells whether a token is refused. It is called for every request. Its answer may
	// be [MaxStaleness] old. On an error nothing is known, and the caller refuses.
	Revoked(ctx context.Context, c Credential) (bool, error)

	// Mark names the revocations that this replica knows now; empty when there are none. A login
	// that notes it when it begins can show later that it began after a revocation, although the
	// replicas' clocks differ. It has letters, digits and no other characters.
	Mark(ctx context.Context) (string, error)

	// Enroll notes that a login of a subject runs until then. A second call for the same login
	// changes until.
	Enroll(ctx context.Context, subject, login string, until time.Time) error

	// Withdraw forgets a login of a subject. A login that is not enrolled is no error.
	Withdraw(ctx context.Context, subject, login string) error

	// WithdrawAll forgets all logins of a subject and returns those that were still running, in no
	// order. It deletes no [Family] and revokes nothing.
	WithdrawAll(ctx context.Context, subject string) (logins []string, err error)

	// Len returns how many records count against [Bounds.Total]. One that expired
	// may count for a few seconds more. It serves as a probe of the store, too.
	Len(ctx context.Context) (int, error)

	// Close ends every goroutine of the store and waits for them. Afterwards all
	// methods return [ErrUnavailable]; closing again does nothing.
	Close() error
}
