package token

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// ErrDuplicateKey is returned when the same key is in a KeySet twice.
var ErrDuplicateKey = errors.New("key is in the set twice")

// JWKSMaxAge is how long a service that verifies tokens may keep the JWKS, in seconds.
const JWKSMaxAge = 900

// KeySet is the key that signs, and every key that is published and verified with. It is immutable.
type KeySet struct {
	current *Key
	byID    map[string]*Key
	byHead  map[string]headed
	jwks    []byte
	etag    string
}

// headed is the key and the typ that a token's first part names.
type headed struct {
	key *Key
	typ string
}

// NewKeySet returns a set that signs with current. The others are the previous keys, whose tokens are still good, and
// the next one, which verifiers should know before it signs. Without current it is ErrNoKeys, with the same key twice
// ErrDuplicateKey.
func NewKeySet(current *Key, others ...*Key) (*KeySet, error) {
	keys := append([]*Key{current}, others...)
	s := &KeySet{current: current, byID: make(map[string]*Key, len(keys)), byHead: make(map[string]headed, 2*len(keys))}
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
		}
	}
	// By ID, so that every replica serves the same bytes, and a rotation that changes no key changes none either.
	slices.SortFunc(keys, func(a, b *Key) int { return cmp.Compare(a.id, b.id) })
	var err error
	if s.jwks, err = marshalJWKS(keys); err != nil {
		return nil, fmt.Errorf("making key set: %w", err)
	}
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + encoding.EncodeToString(sum[:]) + `"`
	return s, nil
}

func marshalJWKS(keys []*Key) ([]byte, error) {
	published := struct {
		Keys []map[string]string `json:"keys"`
	}{make([]map[string]string, 0, len(keys))}
	for _, k := range keys {
		published.Keys = append(published.Keys, k.publicJWK())
	}
	return json.Marshal(published)
}

// Current is the key that signs.
func (s *KeySet) Current() *Key { return s.current }

// Has reports whether the key of that ID is in the set. An ID is the hash of a public key, so that no other key can take
// the place of one that left.
func (s *KeySet) Has(id string) bool { return s.byID[id] != nil }

// JWKS is the set's public keys as an RFC 7517 JSON document, each with use, alg and kid. It is made once and shared:
// do not change it.
func (s *KeySet) JWKS() []byte { return s.jwks }

// ETag is a strong HTTP validator of JWKS, in its double quotes.
func (s *KeySet) ETag() string { return s.etag }

// Keys holds the KeySet in force, so that keys can rotate under running requests. The zero Keys holds none. Its
// methods may be called from many goroutines and never wait for each other.
type Keys struct{ set atomic.Pointer[KeySet] }

// Set puts another KeySet in force for every call that starts from now on; nil takes the keys away.
func (k *Keys) Set(s *KeySet) { k.set.Store(s) }

// KeySet is the one in force, or nil until the first Set.
func (k *Keys) KeySet() *KeySet { return k.set.Load() }
