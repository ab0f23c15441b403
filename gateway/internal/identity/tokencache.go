package identity

import (
	"crypto/sha256"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// MaxCached bounds the cached credentials. The least used ones are evicted first.
	MaxCached = 100_000
	// maxCachedBytes bounds the memory of all cached credentials.
	maxCachedBytes = 100 << 20
	// shortToken is the length of the tokens that are hashed without a copy to the heap, in bytes.
	shortToken = 4 << 10
)

// tokenCache caches the credentials of verified tokens, so that not every request costs a signature check. It
// holds only valid ones: a client without a token cannot evict one. The caller checks a cached credential
// again for changes since.
type tokenCache struct {
	credentials *otter.Cache[tokenKey, *Credential]
}

// tokenKey is the hash of a token's kind and of the whole token. The hash cannot be used as a token, and
// other claims or another signature make another key. The zero key belongs to no token.
type tokenKey [sha256.Size]byte

func newTokenCache(most int, bytes uint64) *tokenCache {
	least := bytes / uint64(most) // so that the bound of the weight also bounds the number
	return &tokenCache{otter.Must(&otter.Options[tokenKey, *Credential]{
		MaximumWeight: bytes,
		Weigher:       func(_ tokenKey, c *Credential) uint32 { return uint32(max(least, c.weight())) },
	})}
}

// keyOf returns the key of a token, or the zero key for a token that is too long to be the gateway's.
func keyOf(kind store.Kind, raw string) tokenKey {
	switch {
	case len(raw) > token.MaxSize:
		return tokenKey{}
	case len(raw) > shortToken:
		return sha256.Sum256(append([]byte{byte(kind)}, raw...))
	}
	// Use the stack: a conversion would copy every token to the heap.
	var room [1 + shortToken]byte
	room[0] = byte(kind)
	return sha256.Sum256(room[:1+copy(room[1:], raw)])
}

// find returns the cached credential of a token. It may have become invalid since.
func (t *tokenCache) find(key tokenKey) (c *Credential, ok bool) {
	return t.credentials.GetIfPresent(key)
}

func (t *tokenCache) keep(key tokenKey, c *Credential) {
	if key != (tokenKey{}) {
		t.credentials.Set(key, c)
	}
}

// weigh counts the weight of a cached credential again.
func (t *tokenCache) weigh(c *Credential) {
	if now, ok := t.credentials.GetIfPresent(c.key); ok && now == c {
		t.keep(c.key, c)
	}
}

func (t *tokenCache) drop(key tokenKey) { t.credentials.Invalidate(key) }
