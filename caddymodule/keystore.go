package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"time"

	"github.com/caddyserver/certmagic"
)

// keyDeadline bounds reading or changing keys. It is longer than the 10 s after which Caddy's
// file storage takes the lock of a replica that died for stale.
const keyDeadline = 30 * time.Second

const storageRemedy = "make Caddy's storage reachable and writable, or name a key file"

// keyStore keeps a gateway's signing keys in Caddy's storage, where all replicas share them.
type keyStore struct {
	storage  certmagic.Storage
	gateway  string
	rotation rotation
	now      func() time.Time
	log      *slog.Logger
}

func (s keyStore) key() string { return path.Join("itsme", s.gateway, "keys.json") }

// load returns the keys in storage, made or brought up to date if need be.
func (s keyStore) load(ctx context.Context) (storedKeys, error) {
	// Without the lock first: keys are written whole, and a replica that only restarts waits for
	// nobody.
	stored, err := s.read(ctx)
	if err != nil {
		return stored, err
	}
	if s.rotation.news(stored, s.now()) {
		return s.tend(ctx)
	}
	return stored, nil
}

// tend does what is due: it makes the next key, gives a previous one its end, and removes those
// of which every token has expired. Replicas that do it at once do it once.
func (s keyStore) tend(ctx context.Context) (storedKeys, error) { return s.update(ctx, s.tended) }

func (s keyStore) tended(stored storedKeys) (storedKeys, error) {
	now := s.now()
	stored = s.rotation.settled(stored, now)
	for {
		signsFrom, wanted := s.rotation.wanted(stored, now)
		if !wanted {
			return stored, nil
		}
		made, err := newStoredKey(s.rotation.algorithm, now)
		if err != nil {
			return stored, err
		}
		made.SignsFrom, made.LongestSeconds = signsFrom, s.rotation.longestSeconds()
		stored.Keys = append(stored.Keys, made)
	}
}

// update changes the keys under the lock, and returns them as they are then.
func (s keyStore) update(ctx context.Context, change func(storedKeys) (storedKeys, error)) (storedKeys, error) {
	ctx, cancel := context.WithTimeout(ctx, keyDeadline)
	defer cancel()
	lock := "itsme_keys_" + s.gateway
	if err := s.storage.Lock(ctx, lock); err != nil {
		return storedKeys{}, fmt.Errorf("locking storage: %w; %s", err, storageRemedy)
	}
	defer func() {
		if err := s.storage.Unlock(context.WithoutCancel(ctx), lock); err != nil {
			s.log.Warn("unlocking storage after changing signing keys", slog.Any("error", err))
		}
	}()
	before, err := s.read(ctx)
	if err != nil {
		return storedKeys{}, err
	}
	if err := before.check(); err != nil { // what is damaged is for the operator to look at
		return storedKeys{}, err
	}
	after, err := change(before)
	if err != nil || slices.Equal(before.Keys, after.Keys) {
		return after, err
	}
	if err := s.write(ctx, after); err != nil {
		return storedKeys{}, err
	}
	s.tell(before, after)
	return after, nil
}

// tell logs which keys were made.
func (s keyStore) tell(before, after storedKeys) {
	for _, key := range after.Keys {
		known := slices.ContainsFunc(before.Keys, func(k storedKey) bool { return k.ID == key.ID })
		if !known {
			s.log.Info("made a signing key", slog.String("gateway", s.gateway),
				slog.String("kid", key.ID), slog.Time("signs_from", key.SignsFrom))
		}
	}
}

// read returns the keys in storage, none where there is no document.
func (s keyStore) read(ctx context.Context) (storedKeys, error) {
	ctx, cancel := context.WithTimeout(ctx, keyDeadline)
	defer cancel()
	var stored storedKeys
	data, err := s.storage.Load(ctx, s.key())
	if errors.Is(err, fs.ErrNotExist) {
		return stored, nil
	}
	if err != nil {
		return stored, fmt.Errorf("reading %s in storage: %w; %s", s.key(), err, storageRemedy)
	}
	// The cause is left out: it can quote what stands in the file.
	if json.Unmarshal(data, &stored) != nil || len(stored.Keys) == 0 {
		return storedKeys{}, fmt.Errorf("reading %s in storage: %w; restore it, or delete it to log everybody out and begin anew", s.key(), errStoredKeys)
	}
	return stored, nil
}

func (s keyStore) write(ctx context.Context, stored storedKeys) error {
	data, err := json.MarshalIndent(stored, "", "\t")
	if err != nil {
		return fmt.Errorf("marshaling keys: %w", err)
	}
	if err := s.storage.Store(ctx, s.key(), data); err != nil {
		return fmt.Errorf("writing %s in storage: %w; %s", s.key(), err, storageRemedy)
	}
	return nil
}
