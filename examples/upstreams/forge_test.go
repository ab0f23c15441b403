package upstreams_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// signingKey is a key, and the file that holds it.
type signingKey struct {
	file    string
	id      string
	private crypto.Signer
}

func newSigningKey(t *testing.T) signingKey {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	k := signingKey{file: filepath.Join(t.TempDir(), "signing.pem"), id: key.ID()}
	if err := os.WriteFile(k.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	k.private = private.(crypto.Signer)
	return k
}

// publicPEM returns the public key, which a verifier that confuses algorithms uses as an HMAC secret.
func (k signingKey) publicPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// forgery is a token that the gateway did not issue, or not for this service.
type forgery struct {
	method jwt.SigningMethod
	key    any
	header map[string]any
	claims jwt.MapClaims
}

// like returns a forgery with the header and the claims of a token.
func like(t *testing.T, raw string, key signingKey) forgery {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(raw, claims)
	if err != nil {
		t.Fatal(err)
	}
	return forgery{jwt.SigningMethodES256, key.private, parsed.Header, claims}
}

func (f forgery) sign(t *testing.T) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(f.method, f.claims)
	for name, value := range f.header {
		if name != "alg" {
			unsigned.Header[name] = value
		}
	}
	raw, err := unsigned.SignedString(f.key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// changed returns a copy of a forgery with one change.
func (f forgery) changed(change func(*forgery)) forgery {
	f.header, f.claims = maps.Clone(f.header), maps.Clone(f.claims)
	change(&f)
	return f
}

// forgeries returns tokens that a service must refuse. Each differs from a valid token in one way: a service
// that leaves out a check accepts one of them.
func forgeries(t *testing.T, good forgery, key signingKey) map[string]forgery {
	t.Helper()
	claim := func(name string, value any) forgery {
		return good.changed(func(f *forgery) { f.claims[name] = value })
	}
	header := func(name string, value any) forgery {
		return good.changed(func(f *forgery) { f.header[name] = value })
	}
	without := func(name string) forgery {
		return good.changed(func(f *forgery) { delete(f.claims, name) })
	}
	signed := func(method jwt.SigningMethod, with any) forgery {
		return good.changed(func(f *forgery) { f.method, f.key = method, with })
	}
	return map[string]forgery{
		"for another audience":            claim("aud", "https://api.example.be"),
		"without an audience":             without("aud"),
		"of another issuer":               claim("iss", "https://evil.example"),
		"without an issuer":               without("iss"),
		"expired":                         claim("exp", time.Now().Add(-2*time.Minute).Unix()),
		"without an end":                  without("exp"),
		"without a subject":               without("sub"),
		"typ JWT":                         header("typ", "JWT"),
		"typ of a browser's login":        header("typ", "session+jwt"),
		"an unknown kid":                  header("kid", "made-up"),
		"HMAC with the public key":        signed(jwt.SigningMethodHS256, key.publicPEM(t)),
		"not signed":                      signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"signed by another under the kid": signed(jwt.SigningMethodES256, newSigningKey(t).private),
	}
}
