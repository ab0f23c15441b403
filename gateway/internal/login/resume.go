package login

import (
	"context"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// leastRest is the time that a started login must still have, so that a user can approve it.
const leastRest = time.Minute

// FindStarted returns the pending login that a browser started before, for a page that was loaded again. The
// cookie and what the page asks for must be those of that start. FindStarted returns ErrUnknown for any other
// login, for one that expires within a minute, and for one that came back to another browser: its user approved it
// already. It makes no call to Signicat.
func (e *Engine) FindStarted(ctx context.Context, id, cookie string, s StartRequest) (*store.Record, error) {
	record, err := e.FindByID(ctx, id)
	if err != nil {
		return nil, err
	}
	same := record.ReturnTo == s.ReturnTo && record.Fragment == s.Fragment && record.Language == s.Language &&
		record.LoA == string(e.requestedLoA(s.LoA)) && record.RedirectURL == s.RedirectURL
	if !BoundToCookie(record, cookie) || !same || record.Phase != store.Pending || record.ExpiresAt.Sub(e.config.Now()) < leastRest {
		return nil, ErrUnknown
	}
	if e.elsewhere(ctx, id) {
		return nil, ErrUnknown
	}
	return record, nil
}
