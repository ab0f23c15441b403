package dpop

import (
	"crypto/subtle"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// Checker checks the proofs of one gateway. Every field is required, except where its comment says what zero means. It
// is safe for concurrent use.
type Checker struct {
	// Keys returns the signing keys, or nil while there are none. Nonces are made with keys derived from them.
	Keys func() *token.KeySet
	// Issuer is the issuer of the gateway. A nonce of another gateway is not accepted.
	Issuer string
	// Memory remembers used proofs. Replicas do not share it.
	Memory *Memory
	// NonceAlways demands a nonce in every proof. Zero demands one only of a client with a wrong clock.
	NonceAlways bool
	// Now is the clock.
	Now func() time.Time
}

// Request is what a proof must be for.
type Request struct {
	// Method is the method as the client sent it.
	Method string
	// URL is the URL that the client used. Only its scheme, authority and path count. Empty fits no proof.
	URL string
	// Token is the access token that the proof must name. Empty for a request without one.
	Token string
	// Thumbprint is the thumbprint that the key of the proof must have. Empty accepts any key.
	Thumbprint string
}

// Proof is a proof that holds, except that it may have been used before. See [Checker.Use].
type Proof struct {
	// Thumbprint is the RFC 7638 thumbprint of its key.
	Thumbprint string
	// FreshNonce is a nonce for the client's next proof, or empty when that of this proof is young or absent.
	FreshNonce string

	id    string
	until time.Time // the proof passes until then
}

// Check returns a proof that is for a request. It returns ErrProof, ErrKey or a [NonceError] for any other, and
// [token.ErrNoKeys] while there are no keys. The signature comes last, because it costs the most. Call
// [Checker.Use] when the rest of the request holds.
func (c *Checker) Check(raw string, r Request) (Proof, error) {
	keys := c.Keys()
	if keys == nil {
		return Proof{}, token.ErrNoKeys
	}
	p, err := parse(raw)
	if err != nil {
		return Proof{}, err
	}
	if err := p.matches(r); err != nil {
		return Proof{}, err
	}
	checked := Proof{Thumbprint: p.key.thumbprint, id: p.id}
	if err := c.checkTime(keys, p, &checked); err != nil {
		return Proof{}, err
	}
	if r.Thumbprint != "" && subtle.ConstantTimeCompare([]byte(r.Thumbprint), []byte(p.key.thumbprint)) != 1 {
		return Proof{}, ErrKey
	}
	if !p.verify() {
		return Proof{}, invalid("its signature does not hold")
	}
	return checked, nil
}

// Use remembers a proof, so that it passes once. It returns ErrReplayed, ErrTooMany or ErrFull.
func (c *Checker) Use(p Proof) error {
	return c.Memory.take(p.Thumbprint, p.id, c.Now(), p.until)
}

// matches compares a proof with the method, the URL and the token of a request.
func (p *proof) matches(r Request) error {
	if r.URL == "" {
		return invalid("the URL of this request is not one of the gateway's")
	}
	if p.method != r.Method {
		return invalid("its htm is another method")
	}
	named, okNamed := Normalize(p.url)
	asked, okAsked := Normalize(r.URL)
	if !okNamed || !okAsked || named != asked {
		return invalid("its htu is another URL")
	}
	if r.Token != "" && subtle.ConstantTimeCompare([]byte(p.tokenHash), []byte(hashOf(r.Token))) != 1 {
		return invalid("its ath is of another token")
	}
	return nil
}

// checkTime checks the age of a proof: by its nonce if it has one, and by its iat otherwise. The gateway made the time in
// a nonce, so a phone with a wrong clock succeeds with one.
func (c *Checker) checkTime(keys *token.KeySet, p *proof, checked *Proof) error {
	now := c.Now()
	if p.nonce != "" {
		made, ok := issuedNonce(keys, c.Issuer, p.nonce)
		age := now.Sub(made)
		if !ok || age > NonceLifetime || age < -token.Skew {
			return &NonceError{newNonce(keys, c.Issuer, now)}
		}
		if age > NonceLifetime/2 {
			checked.FreshNonce = newNonce(keys, c.Issuer, now)
		}
		checked.until = made.Add(NonceLifetime)
		return nil
	}
	if c.NonceAlways || now.Sub(p.issuedAt).Abs() > Window {
		return &NonceError{newNonce(keys, c.Issuer, now)}
	}
	checked.until = p.issuedAt.Add(Window)
	return nil
}
