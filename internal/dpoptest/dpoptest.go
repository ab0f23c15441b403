// Package dpoptest makes DPoP proofs (RFC 9449) for tests, good and bad ones. It shares no code with the gateway.
package dpoptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"
)

// Key is the key of a client.
type Key struct {
	private *ecdsa.PrivateKey
	x, y    string
}

// NewKey returns a new key on P-256.
func NewKey(tb testing.TB) *Key {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return &Key{private, encode(point[1:33]), encode(point[33:])}
}

// JWK returns the public key.
func (k *Key) JWK() map[string]any {
	return map[string]any{"kty": "EC", "crv": "P-256", "x": k.x, "y": k.y}
}

// Thumbprint returns the RFC 7638 thumbprint of the key.
func (k *Key) Thumbprint() string {
	return hash(`{"crv":"P-256","kty":"EC","x":"` + k.x + `","y":"` + k.y + `"}`)
}

// Proof describes a proof.
type Proof struct {
	// Method and URL are htm and htu.
	Method, URL string
	// Token is the access token of ath. Empty leaves ath out.
	Token string
	// Nonce is the nonce. Empty leaves it out.
	Nonce string
	// ID is the jti. Empty makes a new one.
	ID string
	// At is the iat. Zero means now.
	At time.Time
	// Header and Payload replace members. A nil value removes one.
	Header, Payload map[string]any
}

// Sign returns the proof.
func (k *Key) Sign(tb testing.TB, p Proof) string {
	tb.Helper()
	if p.ID == "" {
		p.ID = rand.Text()
	}
	if p.At.IsZero() {
		p.At = time.Now()
	}
	payload := map[string]any{"jti": p.ID, "htm": p.Method, "htu": p.URL, "iat": p.At.Unix()}
	if p.Token != "" {
		payload["ath"] = hash(p.Token)
	}
	if p.Nonce != "" {
		payload["nonce"] = p.Nonce
	}
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": k.JWK()}
	return k.SignText(tb, text(tb, header, p.Header), text(tb, payload, p.Payload))
}

// SignText returns the signed form of any header and payload.
func (k *Key) SignText(tb testing.TB, header, payload string) string {
	tb.Helper()
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func text(tb testing.TB, members, replaced map[string]any) string {
	tb.Helper()
	maps.Copy(members, replaced)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	data, err := json.Marshal(members)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
