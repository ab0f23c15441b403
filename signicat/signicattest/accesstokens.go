package signicattest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxTokens bounds the access tokens that are kept. The oldest goes first.
const maxTokens = 10_000

// accessTokens holds the valid access tokens of the API, and the key that signs them.
type accessTokens struct {
	key   *ecdsa.PrivateKey
	keyID string

	mu    sync.Mutex
	ends  map[string]time.Time
	order []string // by their end
}

func newAccessTokens(keyID string) (*accessTokens, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the access tokens: %w", err)
	}
	return &accessTokens{key: key, keyID: keyID, ends: map[string]time.Time{}}, nil
}

// RevokeAccessTokens makes the API refuse every access token that was issued so far.
func (t *accessTokens) RevokeAccessTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends, t.order = map[string]time.Time{}, nil
}

func (t *accessTokens) add(token string, end, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.order) > 0 && (len(t.order) >= maxTokens || !now.Before(t.ends[t.order[0]])) {
		delete(t.ends, t.order[0])
		t.order = t.order[1:]
	}
	t.ends[token] = end
	t.order = append(t.order, token)
}

// valid reports whether the token was issued, is not revoked and has not expired.
func (t *accessTokens) valid(token string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	end, known := t.ends[token]
	return known && now.Before(end)
}

// sign returns a JWT with ES256.
func (t *accessTokens) sign(claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"], token.Header["typ"] = t.keyID, "at+jwt"
	signed, err := token.SignedString(t.key)
	if err != nil {
		panic(err) // this package made the key
	}
	return signed
}
