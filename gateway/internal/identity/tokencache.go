package identity

import (
	"crypto/sha256"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// MaxCached bounds how many verified credentials are kept. Those that are used least go first.
	MaxCached = 100_000
	// maxCachedBytes bounds the memory that they take together.
	maxCachedBytes = 100 << 20
	// maxCachedToken is the longest token whose credential is kept. Hashing costs time for every byte,
	// and what is longer is more likely garbage, which is refused for less.
	maxCachedToken = 4 << 10
)

// tokenCache keeps the credentials of verified tokens, so that not every request costs a signature
// check. It keeps valid ones alone: a client without a token cannot push one out. A caller that takes one
// out checks again what may have changed since.
type tokenCache struct {
	credentials *otter.Cache[tokenKey, *Credential]
}

// tokenKey is the hash of a token's kind and of all of it, so that it cannot be presented, and that
// other claims, or another signature, make another key. The zero key is of no token.
type tokenKey [sha256.Size]byte

func newTokenCache(most int, bytes uint64) *tokenCache {
	least := bytes / uint64(most) // so that the bound of the weight is one of the number too
	return &tokenCache{otter.Must(&otter.Options[tokenKey, *Credential]{
		MaximumWeight: bytes,
		Weigher:       func(_ tokenKey, c *Credential) uint32 { return uint32(max(least, c.weight())) },
	})}
}

// keyOf returns the key of a token; the zero key when it is too long to be kept.
func keyOf(kind store.Kind, raw string) tokenKey {
	if len(raw) > maxCachedToken {
		return tokenKey{}
	}
	// Room on the stack, because a conversion would copy every token to the heap.
	var room [1 + maxCachedToken]byte
	room[0] = byte(kind)
	return sha256.Sum256(room[:1+copy(room[1:], raw)])
}

// find returns the credential that was kept of a token. It may have become invalid since.
func (t *tokenCache) find(key tokenKey) (c *Credential, ok bool) {
	return t.credentials.GetIfPresent(key)
}

func (t *tokenCache) keep(key tokenKey, c *Credential) {
	if key != (tokenKey{}) {
		t.credentials.Set(key, c)
	}
}

func (t *tokenCache) drop(key tokenKey) { t.credentials.Invalidate(key) }
