package keyring

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// deadline bounds reading or changing keys. It is longer than the 10 s after which Caddy's file storage
// ignores the lock of a replica that died.
const deadline = 30 * time.Second

// ErrMissing is returned when the store knows IDs of keys that no storage has. New keys would log all
// users out.
var ErrMissing = errors.New("the store knows signing keys of this gateway that are nowhere to be found")

// Keyring reads and changes the keys of one gateway. Storage, Memory, Now and Logger are required. Its
// methods do I/O, bounded by half a minute.
type Keyring struct {
	Owner    Owner
	Rotation Rotation

	// Storage is Caddy's storage.
	Storage Storage
	// Store is the storage of the gateway's store, which all replicas share. Nil without one.
	Store Storage
	// InStore keeps the keys in Store, and a copy in Storage. False keeps them in Storage only.
	InStore bool
	// StoreID identifies the store; see [Set]. It is empty until the store has answered. Nil without one.
	StoreID func() string

	// Memory holds the keys that this process knows. It lives as long as the process.
	Memory *Memory
	Now    func() time.Time
	Logger *slog.Logger
}

// State holds the keys of a gateway as a replica found them.
type State struct {
	merged
	// Dropped are the dropped keys of all storages and of memory.
	Dropped Dropped
	// found is the set in the document.
	found Set
	// behind reports that a storage lacks something, or that a change is due.
	behind bool
	// copied is the error of reading the copy, and partial that of reading dropped keys in the other
	// storage.
	copied, partial error
	// made are the keys that a change made.
	made []Key
}

// Set returns the keys that this replica must use.
func (s State) Set() Set { return s.set.with(slices.Concat(s.set.Keys, s.kept)) }

// primary returns the storage that holds the keys. Secondary, which may be nil, has a copy or their IDs.
func (k *Keyring) primary() Storage {
	if k.InStore {
		return k.Store
	}
	return k.Storage
}

func (k *Keyring) secondary() Storage {
	if k.InStore {
		return k.Storage
	}
	return k.Store
}

// Place returns the place of the keys for an operator.
func (k *Keyring) Place() string { return k.primary().Where(KeysDocument) }

// Read returns the keys and changes nothing.
func (k *Keyring) Read(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	data, err := k.primary().Read(ctx, KeysDocument)
	if err != nil {
		return State{}, err
	}
	return k.judge(ctx, data)
}

// judge returns the State for a document of keys. It reads the dropped keys after the document was read:
// a replica that drops a key writes the dropped key first.
func (k *Keyring) judge(ctx context.Context, data []byte) (s State, err error) {
	var lacking bool
	if s.Dropped, lacking, s.partial, err = k.readDropped(ctx); err != nil {
		return s, err
	}
	if s.found, err = decodeSet(data, k.Owner, s.Dropped); err != nil {
		return s, damaged(k.primary(), KeysDocument, err)
	}
	held := k.Memory.known()
	known, running := held.set, true
	var stale bool
	if k.InStore {
		var copied Set
		copied, s.copied = k.readCopy(ctx, s.Dropped)
		if len(known.Keys) == 0 {
			known, running = copied, false
		}
		copied.Foreign = s.found.Foreign
		stale = s.copied == nil && (copied.Revision != s.found.Revision || copied.untidy || !copied.same(s.found))
	}
	now := k.Now()
	s.merged = k.Rotation.merge(known, s.found, running, now).keeping(held.kept, now)
	if k.StoreID != nil && len(s.kept) == 0 { // with kept keys it is the set of another store
		s.set.StoreID = cmp.Or(k.StoreID(), s.set.StoreID)
	}
	s.behind = lacking || stale || s.rolledBack || s.found.untidy || !s.set.same(s.found) || k.Rotation.due(s.set, now) || !k.remembered(ctx, s.set)
	return s, nil
}

func damaged(in Storage, document string, err error) error {
	return fmt.Errorf("reading %s: %w; restore it, or delete it to log all users out and start with new keys", in.Where(document), err)
}

// readCopy returns the copy in Caddy's storage.
func (k *Keyring) readCopy(ctx context.Context, dropped Dropped) (Set, error) {
	data, err := k.Storage.Read(ctx, KeysDocument)
	if err != nil {
		return Set{}, err
	}
	s, err := decodeSet(data, k.Owner, dropped)
	if err != nil {
		return Set{}, damaged(k.Storage, KeysDocument, err)
	}
	return s, nil
}

// remembered reports whether the store knows the IDs of the keys. It returns true while the store does not
// answer, so that nothing is written.
func (k *Keyring) remembered(ctx context.Context, s Set) bool {
	if k.Store == nil || len(s.Keys) == 0 {
		return true
	}
	want, err := encodeKnown(knownIn(s))
	if err != nil {
		return true
	}
	held, err := k.Store.Read(ctx, KnownDocument)
	return err != nil || bytes.Equal(held, want)
}

// Tend does what is due: it makes the next key, sets the end of a previous one, removes keys whose tokens
// have all expired, and updates each storage. When replicas call it at the same time, one of them changes
// the keys.
func (k *Keyring) Tend(ctx context.Context) (State, error) {
	return k.change(ctx, func(s Set) (Set, error) { return k.Rotation.tended(s, k.Owner, k.Now()) })
}

// Rotate makes the next key sign as soon as verifiers know it. It returns [ErrNoKeys] or
// [ErrRotatedOften] when it cannot.
func (k *Keyring) Rotate(ctx context.Context) (State, error) {
	return k.change(ctx, func(s Set) (Set, error) { return k.Rotation.rotated(s, k.Owner, k.Now()) })
}

// change changes the keys and returns the result.
func (k *Keyring) change(ctx context.Context, change func(Set) (Set, error)) (s State, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for again := true; again; {
		var before []byte
		err = k.primary().Update(ctx, KeysDocument, func(held []byte) ([]byte, error) {
			before = held
			if s, err = k.judge(ctx, held); err != nil {
				return nil, err
			}
			return k.changed(ctx, held, &s, change)
		})
		// Another replica may have made the first keys after this one looked for them.
		again = errors.Is(err, ErrMissing) && k.replaced(ctx, before)
	}
	if err != nil {
		return State{}, err
	}
	k.logMade(s)
	s.found = s.set
	k.spread(ctx, s)
	return s, nil
}

// replaced reports whether the document of keys is another one than before.
func (k *Keyring) replaced(ctx context.Context, before []byte) bool {
	now, err := k.primary().Read(ctx, KeysDocument)
	return err == nil && !bytes.Equal(now, before)
}

// changed returns the changed document.
func (k *Keyring) changed(ctx context.Context, held []byte, s *State, change func(Set) (Set, error)) ([]byte, error) {
	if err := s.set.Check(); err != nil { // the operator must repair it
		return nil, damaged(k.primary(), KeysDocument, err)
	}
	if len(s.set.Keys) == 0 {
		if err := k.mayMake(ctx, *s); err != nil {
			return nil, err
		}
	}
	after, err := change(s.set)
	if err != nil {
		return nil, err
	}
	if after.same(s.found) && !s.found.untidy && !s.rolledBack {
		s.set = s.found
		return held, nil
	}
	for _, key := range after.Keys {
		if !s.set.has(key.ID) && !contains(s.found.Dropped, key.ID) {
			s.made = append(s.made, key)
		}
	}
	after = after.named()
	after.Dropped, after.untidy = nil, false
	after.Revision = max(s.found.Revision, s.set.Revision) + 1
	s.set = after
	return encodeSet(after)
}

// mayMake returns [ErrMissing] when there are keys that cannot be found: new ones would log all users out.
func (k *Keyring) mayMake(ctx context.Context, s State) error {
	if s.copied != nil {
		return s.copied
	}
	known, err := k.readKnown(ctx, s.Dropped)
	switch {
	case err != nil:
		return err
	case len(known) > 0:
		return fmt.Errorf("%w: %s; mount or restore %s, or run caddy itsme keys rotate --drop all to log all users out and start with new keys",
			ErrMissing, idsOf(known), k.Storage.Where(KeysDocument))
	}
	return nil
}

// readKnown returns the IDs of the keys in use, from the store.
func (k *Keyring) readKnown(ctx context.Context, dropped Dropped) ([]knownKey, error) {
	if k.Store == nil {
		return nil, nil
	}
	data, err := k.Store.Read(ctx, KnownDocument)
	if err != nil {
		return nil, err
	}
	known, err := decodeKnown(data, k.Owner, dropped, k.Now())
	if err != nil {
		return nil, damaged(k.Store, KnownDocument, err)
	}
	return known, nil
}

// logMade logs the keys that were made.
func (k *Keyring) logMade(s State) {
	for _, key := range s.made {
		k.Logger.Info("made a signing key", slog.String("gateway", k.Owner.Gateway),
			slog.String("kid", key.ID), slog.Time("signs_from", key.SignsFrom))
	}
}
