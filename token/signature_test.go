package token

import (
	"crypto/elliptic"
	"math/big"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestES256Vector takes the signature of RFC 7515 appendix A.3, which happens to be the one of its pair with the
// larger S: good for others, and for us only as its twin.
func TestES256Vector(t *testing.T) {
	t.Parallel()
	key, err := ParseKey([]byte(`{"kty":"EC","crv":"P-256",
		"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
		"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
		"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`), ES256)
	if err != nil {
		t.Fatal(err)
	}
	const input = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	signature, err := decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
	if err != nil {
		t.Fatal(err)
	}
	if err := jwt.SigningMethodES256.Verify(input, signature, key.public); err != nil {
		t.Errorf("RFC 7515's signature is no good to golang-jwt: %v", err)
	}
	if key.verify(input, signature) {
		t.Error("accepted with the larger S")
	}
	lowerS(signature)
	if !key.verify(input, signature) {
		t.Error("refused with the smaller S")
	}
	lowerS(signature)
	if !key.verify(input, signature) {
		t.Error("changed although S was the smaller one")
	}
}

func TestHalfOrder(t *testing.T) {
	t.Parallel()
	want := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	if got := new(big.Int).SetBytes([]byte(halfOrder)); got.Cmp(want) != 0 || len(halfOrder) != es256Size/2 {
		t.Errorf("got %x, want %x", got, want)
	}
}
