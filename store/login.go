package store

import "context"

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

// Logins keeps a record of each login from its start until [Retention] after its end. Its methods are
// called and fail as those of a [Store].
type Logins interface {
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
	// returned as it is: the caller marks it.
	Load(ctx context.Context, id string) (*Record, error)

	// Update replaces the record if its version is still r.Version, and advances
	// r.Version; otherwise it returns [ErrConflict], or [ErrNotFound] when there is
	// none, or [ErrInvalid], and r is unchanged. ID, Client and CreatedAt are fixed
	// by Create: changing them has no defined effect.
	Update(ctx context.Context, r *Record) error

	// Len returns how many records count against [Bounds.Total]. One that expired
	// may count for a few seconds more. It serves as a probe of the store, too.
	Len(ctx context.Context) (int, error)
}
