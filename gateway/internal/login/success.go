package login

import (
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// SuccessWindow is how long after Signicat accepted a code its session may show SUCCESS. A
// 2xx that a proxy wrote for a made-up code thus counts for no longer.
const SuccessWindow = time.Minute

// provider is Signicat's name of itsme.
const provider = "itsme"

// success reports whether a session says yes to this login, and was read while that counts.
func success(r *store.Record, s *signicat.Session, read time.Time) bool {
	return s != nil && s.Status == signicat.StatusSuccess && !windowOver(r, read) && checkResult(r, s) == ""
}

// windowOver reports whether a SUCCESS that is read now comes too late for the accepted code.
func windowOver(r *store.Record, now time.Time) bool {
	return !now.Before(r.ValidatedAt.Add(SuccessWindow))
}

// checkResult refuses a SUCCESS that is not the one this login is about, or not enough.
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
