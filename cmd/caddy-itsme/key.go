package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// key is the key of a phone. An app binds its login to it (DPoP, RFC 9449). Nil is the key of an app that
// binds nothing.
type key struct{ jose.Signer }

func newKey() (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the phone: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: private},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing the key of the phone: %w", err)
	}
	return &key{signer}, nil
}

// scheme returns the type of a token that belongs to the key.
func (k *key) scheme() string {
	if k == nil {
		return "Bearer"
	}
	return "DPoP"
}

// proofClaims are the claims of a proof.
type proofClaims struct {
	ID     string           `json:"jti"`
	Method string           `json:"htm"`
	URL    string           `json:"htu"`
	At     *jwt.NumericDate `json:"iat"`
	Hash   string           `json:"ath,omitempty"` // of the access token
}

// prove returns the header with a proof for one request, as a name and a value. At the endpoints of a login the
// token is empty. The nil key proves nothing.
func (k *key) prove(method, target, token string) ([]string, error) {
	if k == nil {
		return nil, nil
	}
	claims := proofClaims{ID: rand.Text(), Method: method, URL: target, At: jwt.NewNumericDate(time.Now())}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		claims.Hash = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	proof, err := jwt.Signed(k.Signer).Claims(claims).Serialize()
	if err != nil {
		return nil, fmt.Errorf("signing a proof: %w", err)
	}
	return []string{"DPoP", proof}, nil
}
