package login

import (
	"context"
	"crypto/rand"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// NoteElsewhere notes that a pending login came back to another browser than its own, so that its own browser
// can say so. The note stands beside the record: it changes no phase, limit or expiry. The store keeps one note
// a login, until the login expires.
func (e *Engine) NoteElsewhere(ctx context.Context, record *store.Record) {
	left := record.ExpiresAt.Sub(e.config.Now())
	if record.Kind != store.Browser || record.Phase != store.Pending || left <= 0 {
		return
	}
	note := rand.Text()
	kept, err := e.config.Store.Remember(ctx, elsewhereKey(record.ID), note, left)
	switch {
	case err != nil:
		e.config.Logger.DebugContext(ctx, "the return to another browser could not be noted", errorAttr(err))
	case kept == note: // the first note alone: each long poll that wakes reads the store
		e.driver.changes.announce(record.ID)
	}
}

// elsewhere reports whether a note says that a login came back to another browser. A store that does not answer
// has no note: the status is worth more.
func (e *Engine) elsewhere(ctx context.Context, id string) bool {
	note, err := e.config.Store.Recall(ctx, elsewhereKey(id))
	return err == nil && note != ""
}

func elsewhereKey(id string) string { return "elsewhere:" + id }
