package keyring

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// interval is the time after which a replica reads the keys again, to see changes of another replica
	// or an operator. Within keyLag several attempts may fail.
	interval = time.Minute
	// retryInterval is the time after which it asks the store again that did not answer. A replica that
	// started without the store must learn of a dropped key as soon as the store answers again.
	retryInterval = time.Second
)

// Manager keeps the keys of a gateway in force. All fields are required and set before [Manager.Start].
type Manager struct {
	Keyring *Keyring
	// Force puts a set in force.
	Force func(*token.KeySet)
	// Failed is called when keys could not be read or changed.
	Failed func()
	// Changed receives the kid of the key that signs, when the keys in force change.
	Changed func(kid string)

	// mu makes one change at a time.
	mu sync.Mutex
	// published are the keys that are in force.
	published []Key
	// reported are the IDs of keys, and the errors, that were logged.
	reported map[string]bool
	// failing is the error of the last attempt, and partial that of reading dropped keys in one storage.
	failing, partial failure
	shown            atomic.Pointer[State]
}

// Shown returns the keys in force, or an empty State before there are any. It does no I/O.
func (m *Manager) Shown() State {
	if shown := m.shown.Load(); shown != nil {
		return *shown
	}
	return State{}
}

// Start puts the keys in force for the first time. Without a store, it returns the error of the storage.
// With a store, an error of the store or the storage is logged: Start puts the keys of memory or of the
// copy in force, and without any [Manager.Run] tries again.
func (m *Manager) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.start(ctx)
	if err == nil || m.Keyring.Store == nil || ctx.Err() != nil {
		return err
	}
	m.fail(err)
	m.fallBack(ctx)
	return nil
}

func (m *Manager) start(ctx context.Context) error {
	k := m.Keyring
	s, err := k.Read(ctx)
	if err != nil {
		return err
	}
	// A replica that only restarts waits for no lock. A longer token lifetime, or other keys than
	// those in the document, must be stored before they are used.
	if k.Rotation.news(s.Set(), k.Now()) || !s.set.same(s.found) {
		m.report(s)
		if s, err = k.Tend(ctx); err != nil {
			return err
		}
	}
	return m.adopt(s)
}

// fallBack puts the keys in force that are known without the store.
func (m *Manager) fallBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	k := m.Keyring
	known := k.Memory.known()
	if len(known.set.Keys) == 0 && k.InStore {
		known.set, _ = k.readCopy(ctx, k.Memory.Dropped()) // Run logs what fails
	}
	if len(known.set.Keys) == 0 {
		k.Logger.Warn("there are no signing keys yet; the gateway is ready when its store answers", slog.String("gateway", k.Owner.Gateway))
		return
	}
	if err := m.adopt(State{merged: known, Dropped: k.Memory.Dropped()}); err != nil {
		m.fail(err)
	}
}

// Run does what is due, until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	for ctx.Err() == nil {
		m.refreshOnce(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(m.pause()):
		}
	}
}

// refreshOnce reads the keys again, puts them in force and does what is due. When the storage fails, the
// last known keys stay in force, and take over from each other at their times.
func (m *Manager) refreshOnce(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.refresh(ctx)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		m.failing.end()
		return
	}
	m.fail(err)
	m.goOn()
}

// goOn keeps the keys of memory in force, without those that were dropped since.
func (m *Manager) goOn() {
	_ = m.adopt(State{merged: m.Keyring.Memory.known(), Dropped: m.Keyring.Memory.Dropped()}) // these keys were valid before
}

func (m *Manager) refresh(ctx context.Context) error {
	s, err := m.Keyring.Read(ctx)
	if err != nil {
		return err
	}
	m.report(s)
	// Put existing keys in force before waiting for the lock. The first keys must be stored before.
	if len(s.found.Keys) > 0 || len(m.published) > 0 {
		if err := m.adopt(s); err != nil {
			return err
		}
	}
	if !s.behind {
		return nil
	}
	if s, err = m.Keyring.Tend(ctx); err != nil {
		return err
	}
	return m.adopt(s)
}

// Rotate calls [Keyring.Rotate], and puts the result in force.
func (m *Manager) Rotate(ctx context.Context) (State, error) {
	return m.do(func() (State, error) { return m.Keyring.Rotate(ctx) })
}

// Drop calls [Keyring.Drop]. When it returns nil, this replica refuses the keys.
func (m *Manager) Drop(ctx context.Context, ids []string) (State, error) {
	return m.do(func() (State, error) { return m.Keyring.Drop(ctx, ids) })
}

func (m *Manager) do(change func() (State, error)) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := change()
	if err != nil {
		m.goOn()
		return s, err
	}
	return s, m.adopt(s)
}

// adopt puts keys in force and keeps them in memory.
func (m *Manager) adopt(s State) error {
	if err := m.publish(s.Set()); err != nil {
		return err
	}
	m.Keyring.Memory.keep(s.merged)
	m.shown.Store(&s)
	return nil
}

func (m *Manager) publish(s Set) error {
	published := s.Published(m.Keyring.Rotation, m.Keyring.Now())
	switch {
	case slices.EqualFunc(published, m.published, sameKey):
		return nil
	case len(published) == 0: // every key was dropped, and no other could be made yet
		m.published = nil
		m.Force(nil)
		return nil
	}
	set, err := KeySet(published)
	if err != nil {
		return err
	}
	if len(m.published) > 0 && !sameKey(published[0], m.published[0]) {
		m.Keyring.Logger.Info("another signing key took over",
			slog.String("gateway", m.Keyring.Owner.Gateway), slog.String("kid", published[0].ID))
	}
	first := len(m.published) == 0
	m.published = published
	m.Force(set)
	if !first {
		m.Changed(published[0].ID)
	}
	return nil
}

func sameKey(a, b Key) bool { return a.ID == b.ID && a.PrivateKey == b.PrivateKey }

// pause returns the time until the next refresh.
func (m *Manager) pause() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waitsForStore() {
		return retryInterval
	}
	// A random part spreads the replicas.
	pause := interval - rand.N(interval/4)
	if due, ok := m.due(); ok {
		pause = min(pause, due)
	}
	return max(pause, time.Second)
}

// waitsForStore reports whether this replica lacks something that the store did not answer: its keys, or
// the dropped ones.
func (m *Manager) waitsForStore() bool {
	k := m.Keyring
	if k.InStore {
		return m.failing.err != nil
	}
	return k.Store != nil && (m.partial.err != nil || m.failing.err != nil && len(m.published) == 0)
}

// due returns the time until the role of a known key changes.
func (m *Manager) due() (in time.Duration, ok bool) {
	now := m.Keyring.Now()
	for _, key := range m.Shown().Set().Keys {
		for _, t := range []time.Time{key.SignsFrom, key.VerifiesUntil} {
			if t.After(now) && (!ok || t.Sub(now) < in) {
				in, ok = t.Sub(now), true
			}
		}
	}
	return in, ok
}
