package login

import (
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// CodeLifetime is how old a code may get, counted from its first bound presentation.
	// Source: itsme's authorization codes live three minutes,
	// https://belgianmobileid.github.io/doc/authentication/.
	CodeLifetime = 180 * time.Second
	// SuccessWindow is how long after Signicat accepted a code its session may show SUCCESS. A
	// 2xx that a proxy wrote for a made-up code thus counts for no longer.
	SuccessWindow = time.Minute
)

// ending is how a login ends without a token.
type ending struct {
	phase  pending.Phase
	reason string
}

// overdue returns how a login ends whose time was over when its record was loaded; ok is false while
// it is not. A login with a lease is its holder's business. The store's clock decides: by one that is
// ahead, a replica would take the login from the holder, or end it too early.
func overdue(record *pending.Record) (e ending, ok bool) {
	switch now := record.ReadAt; {
	case record.Phase.Ended(), now.Before(record.LeaseUntil):
		return ending{}, false
	case record.Phase == pending.Validated:
		return ending{pending.Failed, reasonNoSuccess}, windowOver(record, now)
	case !now.Before(record.ExpiresAt):
		return ending{pending.Expired, reasonExpired}, true
	case record.Phase == pending.Validating:
		return ending{pending.Expired, reasonCodeAge}, now.Sub(record.FirstPresented) > CodeLifetime
	}
	return ending{}, false
}

// windowOver reports whether a SUCCESS that is read now comes too late for the accepted code.
func windowOver(record *pending.Record, now time.Time) bool {
	return !now.Before(record.ValidatedAt.Add(SuccessWindow))
}

// signicatEndings is how a terminal status of Signicat's ends a record.
var signicatEndings = map[signicat.Status]ending{
	signicat.StatusAbort:     {pending.Aborted, reasonAborted},
	signicat.StatusError:     {pending.Failed, reasonError},
	signicat.StatusInvalid:   {pending.Failed, reasonInvalid},
	signicat.StatusCancelled: {pending.Cancelled, reasonElsewhere},
	signicat.StatusExpired:   {pending.Expired, reasonExpired},
}
