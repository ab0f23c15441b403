package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// signer signs access tokens with the key of a gateway.
type signer struct {
	authority *token.Authority
	public    []byte // key, in PEM
	jwks      []byte
}

// newSigner makes a key, writes it for the gateway at that URL, and signs with it.
func newSigner(algorithm token.Algorithm, publicURL, file string) (*signer, error) {
	key, err := token.GenerateKey(algorithm)
	if err != nil {
		return nil, err
	}
	private, err := key.MarshalPEM()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, private, 0o600); err != nil {
		return nil, err
	}
	public, err := publicPEM(private)
	if err != nil {
		return nil, err
	}
	set, err := token.NewKeySet(key)
	if err != nil {
		return nil, err
	}
	keys := new(token.Keys)
	keys.Set(set)
	authority, err := token.NewAuthority(token.Config{
		Issuer: publicURL, Audience: []string{publicURL}, ClientID: strings.TrimPrefix(publicURL, "http://"),
		SessionAudience: publicURL + gateway.DefaultPath, Lifetime: time.Hour, SessionLifetime: time.Hour,
	}, keys)
	if err != nil {
		return nil, err
	}
	return &signer{authority, public, set.JWKS()}, nil
}

// publicPEM returns the public half of a private key, for software without a JWKS.
func publicPEM(private []byte) ([]byte, error) {
	block, _ := pem.Decode(private)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.(crypto.Signer).Public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), nil
}

// sign returns the tokens of n users. It uses every core.
func (s *signer) sign(n int) ([]string, error) {
	tokens := make([]string, n)
	var group errgroup.Group
	cores := runtime.GOMAXPROCS(0)
	for core := range cores {
		group.Go(func() (err error) {
			for i := core; i < n && err == nil; i += cores {
				tokens[i], _, err = s.authority.IssueAccess(token.Claims{
					Subject: fmt.Sprintf("%032d", i), AuthTime: time.Now(), ACR: "substantial",
					Attributes: map[string]any{"name": "Jan Peeters"},
				})
			}
			return err
		})
	}
	return tokens, group.Wait()
}

// requests puts each token into a request.
func requests(addr string, tokens []string) [][]byte {
	all := make([][]byte, len(tokens))
	for i, raw := range tokens {
		all[i] = get(addr, raw)
	}
	return all
}
