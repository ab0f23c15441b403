package token_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	issuer          = "https://app.example.be"
	audience        = "https://api.example.be"
	sessionAudience = "https://app.example.be/itsme"
	clientID        = "app.example.be"
)

// noon is when every test happens.
var noon = time.Date(2026, time.March, 19, 12, 0, 0, 0, time.UTC)

var algorithms = []token.Algorithm{token.ES256, token.EdDSA, token.RS256}

// rsaKey is made once, since that takes long.
var rsaKey = sync.OnceValues(func() (*token.Key, error) { return token.GenerateKey(token.RS256) })

func newKey(t testing.TB, algorithm token.Algorithm) *token.Key {
	t.Helper()
	key, err := rsaKey()
	if algorithm != token.RS256 {
		key, err = token.GenerateKey(algorithm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func config() token.Config {
	return token.Config{
		Issuer:          issuer,
		Audience:        []string{audience},
		ClientID:        clientID,
		SessionAudience: sessionAudience,
		Lifetime:        15 * time.Minute,
		SessionLifetime: 8 * time.Hour,
		Now:             func() time.Time { return noon },
	}
}

func newAuthority(t testing.TB, c token.Config, inForce *token.Keys) *token.Authority {
	t.Helper()
	authority, err := token.NewAuthority(c, inForce)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// person is what a login hands to the package.
func person() token.Claims {
	return token.Claims{
		Subject:  "c3ViamVjdA",
		AuthTime: noon.Add(-time.Minute),
		ACR:      "high",
		Attributes: map[string]any{
			"name":           "Zoë Ångström",
			"email_verified": false,
			"nin":            map[string]any{"value": "81042419835", "issuing_country": "BE", "type": "PERSON"},
		},
	}
}

func issueAccess(t testing.TB, authority *token.Authority) string {
	t.Helper()
	raw, _, err := authority.IssueAccess(person())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// privateKey takes the key material out of a key, as an attacker who stole its file would.
func privateKey(t testing.TB, key *token.Key) crypto.Signer {
	t.Helper()
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return private.(crypto.Signer)
}

// forge signs any header and payload with the key, so that a refusal can only be for what they say.
func forge(t testing.TB, key *token.Key, header, payload string) string {
	t.Helper()
	return forgeParts(t, key, encode(header), encode(payload))
}

// forgeParts signs the two parts as they are spelled.
func forgeParts(t testing.TB, key *token.Key, head, body string) string {
	t.Helper()
	input := head + "." + body
	private := privateKey(t, key)
	signature, err := jwt.GetSigningMethod(string(key.Algorithm())).Sign(input, private)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(signature))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t testing.TB, text string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// goodHeader and goodPayload make a token that is accepted; the attacks differ from them in one thing each.
func goodHeader(key *token.Key) string {
	return `{"alg":"` + string(key.Algorithm()) + `","typ":"at+jwt","kid":"` + key.ID() + `"}`
}

const goodPayload = `{"iss":"https://app.example.be","aud":"https://api.example.be","sub":"c3ViamVjdA",` +
	`"exp":1773922500,"iat":1773921600,"jti":"bG9naW4","client_id":"app.example.be","auth_time":1773921540,` +
	`"acr":"high","idp":"itsme","name":"Zoë","nin":{"value":"81042419835"}}`
