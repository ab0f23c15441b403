package login

import (
	"context"
	"errors"
	"regexp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// redirectError matches an error parameter that itsme may add to the redirect URL (RFC 6749 section 4.1.2.1).
var redirectError = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}$`)

// ValidRedirectError reports whether itsme may have added that error to a redirect URL.
func ValidRedirectError(code string) bool { return redirectError.MatchString(code) }

// Cancel ends a login for the client that started it, here and at Signicat. code is the error parameter of
// the redirect URL, empty without one. Cancel returns nil for a login that has ended, and ErrConflict for one
// that is being finished.
func (e *Engine) Cancel(ctx context.Context, record *store.Record, code string) error {
	for {
		now := e.driver.clock(record)()
		_, err := e.driver.apply(ctx, record, event{kind: eventCancel, cancel: code}, now)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if record, err = e.FindByID(ctx, record.ID); err != nil {
			return err
		}
	}
}
