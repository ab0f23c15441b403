package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// proofsOfKey is the number of proofs of one key: a gateway remembers at most 1,000.
const proofsOfKey = 900

// keyedClient is a client with a key and a token that is bound to it (RFC 9449).
type keyedClient struct {
	private           *ecdsa.PrivateKey
	jwk, token, ofURL string
}

// newClient makes a key and has a token signed for it.
func (s *signer) newClient(addr string) (*keyedClient, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	c := &keyedClient{private: private, ofURL: "http://" + addr + "/api/things"}
	c.jwk = `{"crv":"P-256","kty":"EC","x":"` + base64url(point[1:33]) + `","y":"` + base64url(point[33:]) + `"}`
	thumbprint := sha256.Sum256([]byte(c.jwk))
	c.token, _, err = s.authority.IssueAccess(token.Claims{
		Subject: rand.Text(), AuthTime: time.Now(), ACR: "substantial", KeyThumbprint: base64url(thumbprint[:]),
		Attributes: map[string]any{"name": "Jan Peeters"},
	})
	return c, err
}

// proven returns a request with the client's token and a new proof.
func (c *keyedClient) proven(addr string) ([]byte, error) {
	hash := sha256.Sum256([]byte(c.token))
	signed := base64url([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+c.jwk+`}`)) + "." + base64url(fmt.Appendf(nil,
		`{"jti":"%s","htm":"GET","htu":"%s","iat":%d,"ath":"%s"}`, rand.Text(), c.ofURL, time.Now().Unix(), base64url(hash[:])))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, c.private, digest[:])
	if err != nil {
		return nil, err
	}
	proof := signed + "." + base64url(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	lines := fmt.Appendf(nil, "Authorization: DPoP %s\r\nDPoP: %s\r\n\r\n", c.token, proof)
	return append(bytes.TrimSuffix(get(addr, ""), []byte("\r\n")), lines...), nil
}

// newProofs gives every request a proof of its own, of few clients.
func newProofs(p *protected) (func(int) ([][]byte, error), error) {
	return func(n int) ([][]byte, error) {
		var sender *keyedClient
		all := make([][]byte, n)
		for i := range all {
			var err error
			if i%proofsOfKey == 0 {
				if sender, err = p.newClient(p.addr); err != nil {
					return nil, err
				}
			}
			if all[i], err = sender.proven(p.addr); err != nil {
				return nil, err
			}
		}
		return all, nil
	}, nil
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
