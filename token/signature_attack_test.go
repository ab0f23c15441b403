package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/ssh"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestPublicKeyIsNoSecret has an attacker sign with HMAC, under our public key in any encoding that a careless
// verifier might hold it in. A verifier that accepted it would let in every attacker who can read the JWKS.
func TestPublicKeyIsNoSecret(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algorithm)
			inForce := keystest.Of(t, key)
			authority := newAuthority(t, config(), inForce)
			for encoding, secret := range publicEncodings(t, key, inForce.KeySet().JWKS()) {
				for _, method := range []*jwt.SigningMethodHMAC{
					jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512,
				} {
					header := strings.Replace(goodHeader(key), string(algorithm), method.Alg(), 1)
					attack(t, authority, method, secret, header, encoding, token.ErrAlgorithm)
					attack(t, authority, method, secret, goodHeader(key), encoding, underOurs(key, method))
				}
			}
		})
	}
}

func attack(
	t *testing.T, authority *token.Authority, method *jwt.SigningMethodHMAC, secret []byte, header, name string, want error,
) {
	t.Helper()
	input := encode(header) + "." + encode(goodPayload)
	signature, err := method.Sign(input, secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.VerifyAccess(input + "." + encode(string(signature))); !errors.Is(err, want) {
		t.Errorf("%s with our public key as %s: got %v, want %v", method.Alg(), name, err, want)
	}
}

// underOurs is how an HMAC is refused that poses as a signature of ours: one of 64 bytes is as long as those of the
// elliptic curves.
func underOurs(key *token.Key, method *jwt.SigningMethodHMAC) error {
	if key.Algorithm() != token.RS256 && method.Hash.Size() == 64 {
		return token.ErrSignature
	}
	return token.ErrMalformed
}

func publicEncodings(t *testing.T, key *token.Key, jwks []byte) map[string][]byte {
	t.Helper()
	public := privateKey(t, key).Public()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	sshKey, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwk := strings.TrimSuffix(strings.TrimPrefix(string(jwks), `{"keys":[`), `]}`)
	encodings := map[string][]byte{
		"PEM": text, "PEM without the last line break": text[:len(text)-1],
		"PEM with Windows line breaks": []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"PEM's body":                   []byte(strings.Join(strings.Split(string(text), "\n")[1:3], "")),
		"DER":                          der, "JWKS": jwks, "JWK": []byte(jwk),
		"SSH": ssh.MarshalAuthorizedKey(sshKey), "SSH wire format": sshKey.Marshal(),
		"key ID": []byte(key.ID()), "nothing": {},
	}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		encodings["raw point"], encodings["raw x and y"] = point, point[1:]
		encodings["compressed point"] = append([]byte{2 + point[64]&1}, point[1:33]...)
	case ed25519.PublicKey:
		encodings["raw"] = p
	case *rsa.PublicKey:
		encodings["PKCS #1"] = x509.MarshalPKCS1PublicKey(p)
		encodings["raw modulus"] = p.N.Bytes()
	}
	return encodings
}

// TestSignatureIsOurs has everything but the signature right.
func TestSignatureIsOurs(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algorithm)
			authority := newAuthority(t, config(), keystest.Of(t, key))
			input, signature := cutSignature(issueAccess(t, authority))
			raw := decode(t, signature)
			flipped := []byte(raw)
			flipped[len(flipped)-1] ^= 1
			zero := strings.Repeat("\x00", len(raw))
			for _, row := range []struct {
				name      string
				signature string
				wantErr   error
			}{
				{"empty", "", token.ErrMalformed},
				{"with a byte cut off", raw[:len(raw)-1], token.ErrMalformed},
				{"with a byte in front", "\x00" + raw, token.ErrMalformed},
				{"with a byte behind", raw + "\x00", token.ErrMalformed},
				{"twice", raw + raw, token.ErrMalformed},
				{"of HMAC's length", strings.Repeat("A", 32), token.ErrMalformed},
				{"with one bit changed", string(flipped), token.ErrSignature},
				{"all zero", zero, token.ErrSignature},
				{"one", zero[1:] + "\x01", token.ErrSignature},
				{"all ones", strings.Repeat("\xff", len(raw)), token.ErrSignature},
				{"of another token", decode(t, signatureOf(forge(t, key, goodHeader(key), goodPayload+" "))), token.ErrSignature},
			} {
				if _, err := authority.VerifyAccess(input + "." + encode(row.signature)); !errors.Is(err, row.wantErr) {
					t.Errorf("signature %s: got %v, want %v", row.name, err, row.wantErr)
				}
			}
			changed := strings.Replace(goodPayload, "c3ViamVjdA", "dmljdGlt", 1)
			stolen := encode(goodHeader(key)) + "." + encode(changed) + "." + signature
			if _, err := authority.VerifyAccess(stolen); !errors.Is(err, token.ErrSignature) {
				t.Errorf("another payload under a good signature: got %v, want %v", err, token.ErrSignature)
			}
		})
	}
}

// TestSignatureIsNoASN1 writes an ECDSA signature as other software does.
func TestSignatureIsNoASN1(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.ES256)))
	input, signature := cutSignature(issueAccess(t, authority))
	raw := []byte(decode(t, signature))
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.VerifyAccess(input + "." + encode(string(der))); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("got %v, want %v", err, token.ErrMalformed)
	}
}

// TestAnotherKeyIsNotOurs has an attacker, or a sibling gateway, sign with keys of its own.
func TestAnotherKeyIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		key := newKey(t, algorithm)
		authority := newAuthority(t, config(), keystest.Of(t, key))
		for _, theirs := range []token.Algorithm{token.ES256, token.EdDSA} {
			other := newKey(t, theirs)
			honest := forge(t, other, goodHeader(other), goodPayload)
			if _, err := authority.VerifyAccess(honest); !errors.Is(err, token.ErrUnknownKey) {
				t.Errorf("%s key under its own ID: got %v, want %v", theirs, err, token.ErrUnknownKey)
			}
			posing, want := forge(t, other, goodHeader(key), goodPayload), token.ErrSignature
			if algorithm == token.RS256 {
				want = token.ErrMalformed
			}
			if _, err := authority.VerifyAccess(posing); !errors.Is(err, want) {
				t.Errorf("%s key under the ID of our %s key: got %v, want %v", theirs, algorithm, err, want)
			}
		}
	}
}

// TestSiblingGateway gives two gateways the same keys: each still takes only its own tokens.
func TestSiblingGateway(t *testing.T) {
	t.Parallel()
	inForce := keystest.Of(t, newKey(t, token.ES256))
	ours, c := newAuthority(t, config(), inForce), config()
	c.Issuer = "https://sibling.example.be"
	if _, err := ours.VerifyAccess(issueAccess(t, newAuthority(t, c, inForce))); !errors.Is(err, token.ErrIssuer) {
		t.Errorf("sibling by issuer: got %v, want %v", err, token.ErrIssuer)
	}
	c = config()
	c.Audience = []string{"https://sibling-api.example.be"}
	if _, err := ours.VerifyAccess(issueAccess(t, newAuthority(t, c, inForce))); !errors.Is(err, token.ErrAudience) {
		t.Errorf("sibling by audience: got %v, want %v", err, token.ErrAudience)
	}
}

func cutSignature(raw string) (input, signature string) {
	dot := strings.LastIndexByte(raw, '.')
	return raw[:dot], raw[dot+1:]
}

func signatureOf(raw string) string {
	_, signature := cutSignature(raw)
	return signature
}
