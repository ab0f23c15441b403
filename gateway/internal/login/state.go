package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// SessionID returns the session_id of a state: base64url(SHA-256(state)). It reveals nothing of the state, so
// URLs may hold it.
func SessionID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// FindByState returns the record of a state. It returns ErrGrant for an unknown state. The look-up by hash
// compares the state. The second comparison protects against a store that finds a similar key.
func (e *Engine) FindByState(ctx context.Context, state string) (*store.Record, error) {
	id := SessionID(state)
	record, err := e.config.Store.Load(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if subtle.ConstantTimeCompare([]byte(record.ID), []byte(id)) != 1 {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	return record, nil
}

// FindByID returns a record by its session_id. It ends a login that is late. It returns ErrUnknown for an
// unknown session_id.
func (e *Engine) FindByID(ctx context.Context, id string) (*store.Record, error) {
	for {
		record, err := e.config.Store.Load(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrUnknown
		}
		if err != nil {
			return nil, storeError(err)
		}
		if _, err = e.driver.apply(ctx, record, event{kind: eventExpire}, record.ReadAt); err == nil {
			return record, nil
		}
		if !lostRace(err) {
			return nil, err
		}
	}
}
