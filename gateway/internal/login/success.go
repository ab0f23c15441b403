package login

import (
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// SuccessWindow bounds the time from the acceptance of a code to the SUCCESS of its session. So a 2xx that a
// proxy made up for a wrong code is of no use later.
const SuccessWindow = time.Minute

// provider is Signicat's name for itsme.
const provider = "itsme"

// success reports whether a session is the SUCCESS of this login, read within its window.
func success(r *store.Record, s *signicat.Session, read time.Time) bool {
	return s != nil && s.Status == signicat.StatusSuccess && !windowOver(r, read) && checkResult(r, s) == ""
}

// windowOver reports whether a SUCCESS that is read now is too late for the accepted code.
func windowOver(r *store.Record, now time.Time) bool {
	return !now.Before(r.ValidatedAt.Add(SuccessWindow))
}

// checkResult returns the reason to refuse a SUCCESS that belongs to another login or does not suffice. It is
// empty for a good one.
func checkResult(record *store.Record, session *signicat.Session) (reason string) {
	wanted := signicat.LoA(record.LoA)
	switch {
	case session.ID != record.SignicatID || session.AccountID != record.AccountID:
		return reasonOtherSession
	case session.TransactionID != "" && session.TransactionID != record.TransactionID:
		return reasonOtherSession
	case session.IDPData.TransactionID != "" && session.IDPData.TransactionID != record.TransactionID:
		return reasonOtherSession
	case session.Provider != provider:
		return reasonProvider
	case !session.LoA.AtLeast(signicat.LoALow), wanted != "" && !session.LoA.AtLeast(wanted):
		return reasonLoA
	case session.Subject == nil || session.Subject.ID == "":
		return reasonSubject
	}
	return ""
}
