package token

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
)

// ErrDuplicateKey is returned when the same key is in a KeySet twice.
var ErrDuplicateKey = errors.New("key is in the set twice")

// JWKSMaxAge is the time in seconds for which a service that verifies tokens may keep the JWKS.
const JWKSMaxAge = 900

// KeySet holds the key that signs, and every key that is published and verifies. It is immutable.
type KeySet struct {
	current *Key
	byID    map[string]*Key
	byHead  map[string]headed
	// byJWEHead are the heads of encrypted tokens.
	byJWEHead map[string]headed
	jwks      []byte
	etag      string
}

// headed has the key and the typ that a token's first part names.
type headed struct {
	key *Key
	typ string
}

// NewKeySet returns a set that signs with current. The others are the previous keys, whose tokens are still valid,
// and the next one, which verifiers should know before it signs. It returns ErrNoKeys without current, and
// ErrDuplicateKey for the same key twice.
func NewKeySet(current *Key, others ...*Key) (*KeySet, error) {
	keys := append([]*Key{current}, others...)
	s := &KeySet{
		current: current, byID: make(map[string]*Key, len(keys)),
		byHead: make(map[string]headed, 2*len(keys)), byJWEHead: make(map[string]headed, 2*len(keys)),
	}
	for _, k := range keys {
		if k == nil {
			return nil, fmt.Errorf("making key set: %w", ErrNoKeys)
		}
		if s.byID[k.id] != nil {
			return nil, fmt.Errorf("making key set: %w: %s", ErrDuplicateKey, k.id)
		}
		s.byID[k.id] = k
		for _, typ := range []string{accessType, sessionType} {
			s.byHead[k.head(typ)] = headed{k, typ}
			s.byJWEHead[k.jweHead(typ)] = headed{k, typ}
		}
	}
	// The order by ID gives every replica the same bytes. It does not depend on which key signs.
	slices.SortFunc(keys, func(a, b *Key) int { return cmp.Compare(a.id, b.id) })
	var published jose.JSONWebKeySet
	for _, k := range keys {
		published.Keys = append(published.Keys, k.publicJWK())
	}
	var err error
	if s.jwks, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("making key set: %w", err)
	}
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + encoding.EncodeToString(sum[:]) + `"`
	return s, nil
}

// Current returns the key that signs.
func (s *KeySet) Current() *Key { return s.current }

// All returns every key of the set, in no order.
func (s *KeySet) All() iter.Seq[*Key] { return maps.Values(s.byID) }

// Has reports whether the set has the key of that ID. An ID is the hash of a public key: no other key can have it.
func (s *KeySet) Has(id string) bool { return s.byID[id] != nil }

// JWKS returns the public keys as an RFC 7517 JSON document, each with use, alg and kid. The bytes are shared: do not
// change them.
func (s *KeySet) JWKS() []byte { return s.jwks }

// ETag returns a strong HTTP validator of JWKS, in double quotes.
func (s *KeySet) ETag() string { return s.etag }

// Keys holds the KeySet in force, so that keys can rotate under running requests. The zero Keys holds none. Its
// methods may be called from many goroutines, and take no lock.
type Keys struct{ set atomic.Pointer[KeySet] }

// Set puts a KeySet in force for every later call; nil removes the keys.
func (k *Keys) Set(s *KeySet) { k.set.Store(s) }

// KeySet returns the set in force, or nil before the first Set.
func (k *Keys) KeySet() *KeySet { return k.set.Load() }
