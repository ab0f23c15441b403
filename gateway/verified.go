package gateway

import (
	"crypto/sha256"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

const (
	// maxVerified bounds how many logins are kept; those that are asked for least go.
	maxVerified = 100_000
	// maxVerifiedBytes bounds the memory that they take together.
	maxVerifiedBytes = 100 << 20
	// maxRecalled is the longest token whose login is kept. Hashing costs time for every byte,
	// and what is longer is more likely garbage, which is refused for less.
	maxRecalled = 4 << 10
)

// verifiedCache keeps the logins of verified tokens, so that not every request costs a signature
// check. Only good ones get in, so that nobody without a token can push one out; and whoever takes
// one out looks again at what may have changed since.
type verifiedCache struct {
	logins *otter.Cache[tokenKey, *login]
}

// tokenKey is the hash of a token's kind and of all of it, so that it cannot be presented, and that
// other claims, or another signature, make another key. The zero key is of no token.
type tokenKey [sha256.Size]byte

func newVerifiedCache(most int, bytes uint64) (*verifiedCache, error) {
	least := bytes / uint64(most) // so that the bound of the weight is one of the number too
	logins, err := otter.New(&otter.Options[tokenKey, *login]{
		MaximumWeight: bytes,
		Weigher:       func(_ tokenKey, l *login) uint32 { return uint32(max(least, l.weight())) },
	})
	if err != nil {
		return nil, err
	}
	return &verifiedCache{logins}, nil
}

// keyOf names a token; what is too long to be kept has the zero key.
func keyOf(kind pending.Kind, raw string) tokenKey {
	if len(raw) > maxRecalled {
		return tokenKey{}
	}
	// Room on the stack, because a conversion would copy every token to the heap.
	var room [1 + maxRecalled]byte
	room[0] = byte(kind)
	return sha256.Sum256(room[:1+copy(room[1:], raw)])
}

// find returns the login of a token that was kept, whatever has become of it since.
func (v *verifiedCache) find(key tokenKey) (l *login, ok bool) { return v.logins.GetIfPresent(key) }

func (v *verifiedCache) keep(key tokenKey, l *login) {
	if key != (tokenKey{}) {
		v.logins.Set(key, l)
	}
}

func (v *verifiedCache) drop(key tokenKey) { v.logins.Invalidate(key) }
