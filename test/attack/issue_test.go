package attack_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// newAuthority issues what a gateway with that public URL and those keys issues.
func newAuthority(t *testing.T, publicURL string, keys *token.Keys, now func() time.Time) *token.Authority {
	t.Helper()
	_, host, _ := strings.Cut(publicURL, "://")
	authority, err := token.NewAuthority(token.Config{
		Issuer: publicURL, Audience: []string{publicURL}, ClientID: host,
		SessionAudience: publicURL + "/itsme", Lifetime: time.Hour, SessionLifetime: time.Hour, Now: now,
	}, keys)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// person is the subject of the tokens that bearer and cookie issue.
const person = "pseudonym="

func personClaims(attributes map[string]any) token.Claims {
	return token.Claims{Subject: person, ACR: "high", AuthTime: time.Unix(1_700_000_000, 0), Attributes: attributes}
}

// bearer issues an access token and returns its header line.
func (e *env) bearer(attributes map[string]any) string {
	e.t.Helper()
	raw, _, err := e.authority.IssueAccess(personClaims(attributes))
	if err != nil {
		e.t.Fatal(err)
	}
	return bearerLine(raw)
}

// cookie issues a session token and returns the header line of its cookie at an https site.
func (e *env) cookie(attributes map[string]any) string {
	e.t.Helper()
	raw, _, err := e.authority.IssueSession(personClaims(attributes))
	if err != nil {
		e.t.Fatal(err)
	}
	return "Cookie: " + sessionCookie + "=" + raw + "\r\n"
}

const sessionCookie = "__Host-itsme"

// access issues an access token of the gateway with a public URL.
func (e *env) access(publicURL, subject string) string {
	e.t.Helper()
	claims := token.Claims{Subject: subject, ACR: "high", AuthTime: time.Now()}
	raw, _, err := newAuthority(e.t, publicURL, e.keys, time.Now).IssueAccess(claims)
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

// session issues a session token of the gateway with a public URL.
func (e *env) session(publicURL, subject string) string {
	e.t.Helper()
	claims := token.Claims{Subject: subject, ACR: "high", AuthTime: time.Now()}
	raw, _, err := newAuthority(e.t, publicURL, e.keys, time.Now).IssueSession(claims)
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

// privateKey is the gateway's signing key.
func (e *env) privateKey() *ecdsa.PrivateKey {
	e.t.Helper()
	block, _ := pem.Decode(e.key)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		e.t.Fatal(err)
	}
	return private.(*ecdsa.PrivateKey)
}

// forge signs a header and a payload with the gateway's signing key.
func (e *env) forge(header, payload string) string {
	e.t.Helper()
	input := base64url(header) + "." + base64url(payload)
	signature, err := jwt.SigningMethodES256.Sign(input, e.privateKey())
	if err != nil {
		e.t.Fatal(err)
	}
	return input + "." + base64url(string(signature))
}

func base64url(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func bearerLine(raw string) string { return "Authorization: Bearer " + raw + "\r\n" }

// cookieLine is the header line of a session token at an http site, where the cookie has no prefix.
func cookieLine(raw string) string { return "Cookie: itsme=" + raw + "\r\n" }
