package login

import (
	"context"
	"errors"
	"regexp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// redirectError is what itsme may put on the redirect URL as error (RFC 6749 section 4.1.2.1).
var redirectError = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}$`)

// ValidRedirectError reports whether itsme may have put that error on a redirect URL.
func ValidRedirectError(code string) bool { return redirectError.MatchString(code) }

// Cancel ends a login that its owner gives up, here and at Signicat. code is what itsme put on
// the redirect URL as error, empty when the user just stopped. Cancelling what has ended is
// no error; cancelling what is being finished is ErrConflict.
func (e *Engine) Cancel(ctx context.Context, record *store.Record, code string) error {
	for {
		now := e.driver.clock(record)()
		_, err := e.driver.apply(ctx, record, event{kind: eventCancel, cancel: code}, now)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if record, err = e.driver.look(ctx, record.ID); err != nil {
			return err
		}
	}
}
