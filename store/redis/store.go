package redis

import (
	"context"
	"sync"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// ErrUnreadable is returned, along with [store.ErrUnavailable], when what is in
// Redis was not written there by a replica with this secret, or not in this place.
var ErrUnreadable = seal.ErrUnreadable

// Store is a [store.Store] in Redis. Its zero value is not usable: see [Open].
type Store struct {
	*connection
	logins
	families
	revocations
	limits

	finish func()
}

var _ store.Store = (*Store)(nil)

// Open returns the store that a configuration describes, or [ErrConfig]. It does no
// I/O and starts no goroutine: [Store.Start], or else the first call, does both. A
// server that is unavailable is no error. Close ends what was started.
func Open(c Config) (*Store, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(c.Prefix, c.secrets()...)
	if err != nil {
		return nil, err
	}
	conn := &connection{
		config:    c,
		sealer:    sealer,
		keys:      newKeys(c.Prefix),
		scripts:   newScripts(),
		freshness: newFreshness(),
		writes:    newWriteState(),
		turns:     make(turns, waitingConns),
	}
	conn.config.Secret, conn.config.OtherSecret = nil, nil // the sealer has what it needs
	conn.alive, conn.cancel = context.WithCancel(context.Background())
	conn.dialer = newDialer(conn.alive, c)
	reseal := newResealer(conn)
	s := &Store{
		connection:  conn,
		logins:      logins{conn},
		families:    families{conn},
		revocations: newRevocations(conn, reseal),
		limits:      limits{conn},
		finish:      sync.OnceFunc(conn.close),
	}
	conn.loop = s.syncUntilClosed
	if c.OtherSecret != nil {
		conn.tend = reseal.runUntilClosed
	}
	return s, nil
}

// Close implements [store.Store]. With a server that hangs it can take a few times
// as long as a call may.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed.Store(true)
	s.mu.Unlock()
	s.finish()
	return nil
}

// ID returns a text that is the same for all replicas on this store, and for no other store. It stays when
// the secret changes, and shows nothing of it. It is empty until the store has answered.
func (s *Store) ID() string {
	if !s.identified.Load() {
		return ""
	}
	return s.sealer.Name(storeName, "")
}

// Documents returns those of this store.
func (s *Store) Documents() Documents { return Documents{s.connection} }
