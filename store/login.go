package store

import "context"

// Bounds limits the pending sessions in a store. Only records that have neither ended nor expired
// count.
type Bounds struct {
	// Total bounds all pending sessions. Required, at least 1. Ended and expired records come on top: a
	// store may keep twice Total in all, and then drops the one that ended first before its
	// [Retention] is over.
	Total int
	// PerClient bounds the pending sessions of one client. Required, at least 1.
	PerClient int
}

// Logins keeps a record of each login from its start until [Retention] after its end. Its methods behave
// as described at [Store].
type Logins interface {
	// Create keeps a new record and sets its Version to 1.
	//
	// When r.Client has b.PerClient records, Create evicts its oldest unreturned one
	// ([Record.Returned]). When there are b.Total records, it evicts the oldest unreturned one of the
	// client with the most records, counting the new one; between equal clients, the oldest record. So
	// a client that floods evicts its own records. Create returns the IDs of the evicted records, which
	// were all pending. It evicts at most a few: lowered bounds are reached step by step.
	//
	// It returns [ErrExists], [ErrInvalid], or [ErrFull] when it can evict none. It then keeps and
	// evicts nothing, and does not change r.
	Create(ctx context.Context, r *Record, b Bounds) (evicted []string, err error)

	// Load returns the record with that ID and its ReadAt, or [ErrNotFound]. Its times are in UTC and to
	// the nanosecond. It returns an old record reduced ([Record.Reduce]), and a record that expired without
	// an end unchanged: the caller ends it.
	Load(ctx context.Context, id string) (*Record, error)

	// Update replaces the record if its version is still r.Version, and advances r.Version. Otherwise it
	// returns [ErrConflict], [ErrNotFound] or [ErrInvalid], and does not change r. Create fixes ID,
	// Client, CreatedAt and ExpiresAt: the effect of changing them is undefined.
	Update(ctx context.Context, r *Record) error

	// Len returns the number of records that count against [Bounds.Total]. An expired one may count for
	// a few more seconds. Health checks call it too.
	Len(ctx context.Context) (int, error)
}
