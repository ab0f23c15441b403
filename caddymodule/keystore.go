package caddymodule

import (
	"cmp"
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

	"github.com/caddy-itsme/caddy-itsme/token"
)

// keyDeadline bounds loading and making keys at Start. It is longer than the 10 s after which
// Caddy's file storage takes the lock of a replica that died for stale.
const keyDeadline = 30 * time.Second

const storageRemedy = "make Caddy's storage reachable and writable, or name a key file"

// errStoredKeys is returned when what is in storage cannot be read as keys.
var errStoredKeys = errors.New("stored keys are damaged")

// keyStore keeps a gateway's signing keys in Caddy's storage, where all replicas share them.
type keyStore struct {
	storage   certmagic.Storage
	gateway   string
	algorithm token.Algorithm
	now       func() time.Time
	log       *slog.Logger
}

// storedKeys is the document in storage, private keys included. The roles of its keys follow
// from their times, so that replicas agree without writing.
type storedKeys struct {
	Keys []storedKey `json:"keys"`
}

// storedKey is one signing key. Times are in UTC.
type storedKey struct {
	ID        string          `json:"kid"`
	Algorithm token.Algorithm `json:"alg"`
	// PrivateKey is PKCS #8 in PEM.
	PrivateKey string    `json:"private_key"`
	CreatedAt  time.Time `json:"created_at"`
	// SignsFrom is when the key takes over from the one before it; until then it is published
	// as the next one.
	SignsFrom time.Time `json:"signs_from"`
	// VerifiesUntil is when the last token that a previous key signed has expired. Zero means
	// that the key has no end yet.
	VerifiesUntil time.Time `json:"verifies_until,omitzero"`
}

func (s keyStore) key() string { return path.Join("itsme", s.gateway, "keys.json") }

// load returns the keys in storage, and makes them first where there are none.
func (s keyStore) load(ctx context.Context) (*token.KeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, keyDeadline)
	defer cancel()
	// Without the lock first: keys are written whole, and a replica that only restarts waits for
	// nobody.
	stored, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if set, err := stored.set(s.algorithm, s.now()); set != nil || err != nil {
		return set, err
	}
	return s.make(ctx)
}

// make adds a key of the algorithm under the lock, unless another replica did meanwhile. Keys of
// another algorithm stay, for the tokens that they signed.
func (s keyStore) make(ctx context.Context) (*token.KeySet, error) {
	lock := "itsme_keys_" + s.gateway
	if err := s.storage.Lock(ctx, lock); err != nil {
		return nil, fmt.Errorf("locking storage: %w; %s", err, storageRemedy)
	}
	defer func() {
		if err := s.storage.Unlock(context.WithoutCancel(ctx), lock); err != nil {
			s.log.Warn("unlocking storage after making signing keys", slog.Any("error", err))
		}
	}()
	stored, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if set, err := stored.set(s.algorithm, s.now()); set != nil || err != nil {
		return set, err
	}
	made, err := newStoredKey(s.algorithm, s.now())
	if err != nil {
		return nil, err
	}
	stored.Keys = append(stored.Keys, made)
	if err := s.write(ctx, stored); err != nil {
		return nil, err
	}
	s.log.Info("made a signing key", slog.String("gateway", s.gateway), slog.String("kid", made.ID))
	return stored.set(s.algorithm, s.now())
}

func (s keyStore) read(ctx context.Context) (storedKeys, error) {
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
		return stored, fmt.Errorf("reading %s in storage: %w; restore it, or delete it to log everybody out and begin anew", s.key(), errStoredKeys)
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

func newStoredKey(algorithm token.Algorithm, now time.Time) (storedKey, error) {
	key, err := token.GenerateKey(algorithm)
	if err != nil {
		return storedKey{}, err
	}
	private, err := key.MarshalPEM()
	if err != nil {
		return storedKey{}, err
	}
	now = now.UTC().Truncate(time.Second)
	return storedKey{ID: key.ID(), Algorithm: algorithm, PrivateKey: string(private), CreatedAt: now, SignsFrom: now}, nil
}

// set picks the key that signs and parses all that are still good. It is nil when there is no
// key of the algorithm.
func (s storedKeys) set(algorithm token.Algorithm, now time.Time) (*token.KeySet, error) {
	signing := s.signing(algorithm, now)
	if signing < 0 {
		return nil, nil
	}
	var current *token.Key
	var others []*token.Key
	for i, stored := range s.Keys {
		key, err := token.ParseKey([]byte(stored.PrivateKey), stored.Algorithm)
		switch {
		case err != nil || key.ID() != stored.ID:
			return nil, fmt.Errorf("%w: the key %q is not what it says; restore the file, or delete it to log everybody out and begin anew", errStoredKeys, stored.ID)
		case i == signing:
			current = key
		case stored.good(now):
			others = append(others, key)
		}
	}
	return token.NewKeySet(current, others...)
}

// signing is the index of the key that signs now, or -1. Of the algorithm's keys it is the last
// to have taken over; where none has, the first to come: the clock of the replica that made a
// lone key may be ahead, and a second key would only replace the first.
func (s storedKeys) signing(algorithm token.Algorithm, now time.Time) int {
	order := make([]int, 0, len(s.Keys))
	for i, key := range s.Keys {
		if key.Algorithm == algorithm && key.good(now) {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return -1
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(s.Keys[a].SignsFrom.Compare(s.Keys[b].SignsFrom), cmp.Compare(s.Keys[a].ID, s.Keys[b].ID))
	})
	signing := order[0]
	for _, i := range order {
		if !s.Keys[i].SignsFrom.After(now) {
			signing = i
		}
	}
	return signing
}

func (k storedKey) good(now time.Time) bool {
	return k.VerifiesUntil.IsZero() || now.Before(k.VerifiesUntil)
}
