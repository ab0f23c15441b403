package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestHeaderDecidesNothing signs every row with our own key, as if the attacker had found a way to have any header
// signed. Each would gain by it: choose the algorithm, bring or point to a key, switch checks off, or turn one kind
// of token into the other.
func TestHeaderDecidesNothing(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, token.ES256), newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	good := goodHeader(key)
	with := func(members string) string { return strings.TrimSuffix(good, "}") + "," + members + "}" }
	alg := func(value string) string { return strings.Replace(good, `"ES256"`, value, 1) }
	typ := func(value string) string { return strings.Replace(good, `"at+jwt"`, value, 1) }
	kid := func(value string) string { return strings.Replace(good, `"`+key.ID()+`"`, value, 1) }

	for _, row := range []struct {
		name    string
		header  string
		wantErr error
	}{
		{"what we write", good, nil},
		{"members in another order", `{"kid":"` + key.ID() + `","alg":"ES256","typ":"at+jwt"}`, nil},
		{"typ as a whole media type", typ(`"application/at+jwt"`), nil},
		{"typ in upper case", typ(`"AT+JWT"`), nil},

		{"no algorithm: none", alg(`"none"`), token.ErrAlgorithm},
		{"no algorithm: None", alg(`"None"`), token.ErrAlgorithm},
		{"no algorithm: NONE", alg(`"NONE"`), token.ErrAlgorithm},
		{"no algorithm: nOnE", alg(`"nOnE"`), token.ErrAlgorithm},
		{"empty algorithm", alg(`""`), token.ErrAlgorithm},
		{"algorithm null", alg(`null`), token.ErrMalformed},
		{"algorithm as a number", alg(`256`), token.ErrMalformed},
		{"algorithm as an array", alg(`["ES256"]`), token.ErrMalformed},
		{"algorithm missing", strings.Replace(good, `"alg":"ES256",`, "", 1), token.ErrMalformed},
		{"our algorithm in lower case", alg(`"es256"`), token.ErrAlgorithm},
		{"HMAC", alg(`"HS256"`), token.ErrAlgorithm},
		{"another curve", alg(`"ES384"`), token.ErrAlgorithm},
		{"an algorithm that we support for other keys", alg(`"RS256"`), token.ErrAlgorithm},
		{"EdDSA for an ECDSA key", alg(`"EdDSA"`), token.ErrAlgorithm},
		{"RSA PSS", alg(`"PS256"`), token.ErrAlgorithm},
		{"key agreement of a JWE", alg(`"ECDH-ES"`), token.ErrAlgorithm},

		{"typ missing", strings.Replace(good, `"typ":"at+jwt",`, "", 1), token.ErrMalformed},
		{"typ of any JWT", typ(`"JWT"`), token.ErrType},
		{"typ of an ID token", typ(`"id_token+jwt"`), token.ErrType},
		{"typ of a session token", typ(`"session+jwt"`), token.ErrType},
		{"typ with a space behind", typ(`"at+jwt "`), token.ErrType},
		{"typ with a parameter", typ(`"at+jwt;x=y"`), token.ErrType},
		{"typ with a letter that folds to i in some languages", typ(`"applİcation/at+jwt"`), token.ErrType},
		{"typ as an array", typ(`["at+jwt"]`), token.ErrMalformed},

		{"kid missing", strings.Replace(good, `,"kid":"`+key.ID()+`"`, "", 1), token.ErrMalformed},
		{"kid empty", kid(`""`), token.ErrUnknownKey},
		{"kid null", kid(`null`), token.ErrMalformed},
		{"kid as a number", kid(`1`), token.ErrMalformed},
		{"kid as a path", kid(`"../../../../../../dev/null"`), token.ErrUnknownKey},
		{"kid as SQL", kid(`"' UNION SELECT 'c2VjcmV0' --"`), token.ErrUnknownKey},
		{"kid as a URL", kid(`"https://attacker.example/key.json"`), token.ErrUnknownKey},
		{"kid as a command", kid(`"key|/usr/bin/id"`), token.ErrUnknownKey},
		{"kid of 300 characters", kid(`"` + strings.Repeat("A", 300) + `"`), token.ErrUnknownKey},
		{"kid of 4 kB", kid(`"` + strings.Repeat("A", 4<<10) + `"`), token.ErrMalformed},
		{"kid of 64 kB", kid(`"` + strings.Repeat("A", 64<<10) + `"`), token.ErrTooLarge},
		{"kid of a key that is not ours", kid(`"` + other.ID() + `"`), token.ErrUnknownKey},
		{"kid of ours in lower case", kid(`"` + strings.ToLower(key.ID()) + `"`), token.ErrUnknownKey},
		{"kid of ours with a NUL behind", kid(`"` + key.ID() + `\u0000"`), token.ErrUnknownKey},

		{"a key of the attacker's inside", with(`"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`), token.ErrMalformed},
		{"a URL of the attacker's keys", with(`"jku":"https://attacker.example/jwks.json"`), token.ErrMalformed},
		{"a URL of the attacker's certificate", with(`"x5u":"https://attacker.example/x.pem"`), token.ErrMalformed},
		{"a certificate of the attacker's", with(`"x5c":["MIIB"]`), token.ErrMalformed},
		{"a certificate's thumbprint", with(`"x5t#S256":"AA"`), token.ErrMalformed},
		{"an extension that must be understood", with(`"crit":["exp"],"exp":1`), token.ErrMalformed},
		{"an empty list of such extensions", with(`"crit":[]`), token.ErrMalformed},
		{"a payload that is not encoded", with(`"b64":false,"crit":["b64"]`), token.ErrMalformed},
		{"a compressed payload", with(`"zip":"DEF"`), token.ErrMalformed},
		{"a nested token", with(`"cty":"JWT"`), token.ErrMalformed},
		{"content encryption of a JWE", with(`"enc":"A256GCM"`), token.ErrMalformed},
		{"claims repeated in the header", with(`"iss":"https://app.example.be"`), token.ErrMalformed},

		{"alg twice", with(`"alg":"none"`), token.ErrMalformed},
		{"alg twice, once escaped", with(`"\u0061lg":"none"`), token.ErrMalformed},
		{"kid twice", with(`"kid":"` + other.ID() + `"`), token.ErrMalformed},
		{"typ twice", with(`"typ":"session+jwt"`), token.ErrMalformed},
		{"alg twice, once in upper case", with(`"ALG":"none"`), token.ErrMalformed},
		{"nothing", ``, token.ErrMalformed},
		{"an array", `[` + good + `]`, token.ErrMalformed},
		{"a string", `"ES256"`, token.ErrMalformed},
		{"null", `null`, token.ErrMalformed},
		{"an object and something behind", good + `{}`, token.ErrMalformed},
		{"an object cut short", strings.TrimSuffix(good, "}"), token.ErrMalformed},
		{"a byte order mark in front", "\xef\xbb\xbf" + good, token.ErrMalformed},
		{"bytes that are not UTF-8", typ("\"at+jwt\xff\""), token.ErrMalformed},
		{"nested a hundred deep", with(`"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), token.ErrMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := authority.VerifyAccess(forge(t, key, row.header, goodPayload))
			if !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// TestOneKindIsNeverTheOther has a browser's cookie presented as a bearer, and a bearer planted as a cookie.
func TestOneKindIsNeverTheOther(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	access, _, err := authority.IssueAccess(person())
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := authority.IssueSession(person())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.VerifyAccess(session); !errors.Is(err, token.ErrType) {
		t.Errorf("session token as access token: got %v, want %v", err, token.ErrType)
	}
	if _, err := authority.VerifySession(access); !errors.Is(err, token.ErrType) {
		t.Errorf("access token as session token: got %v, want %v", err, token.ErrType)
	}
	// A cookie of a release before encryption, signed by a key of the set.
	if _, err := authority.VerifySession(signedSession(t, key)); !errors.Is(err, token.ErrType) {
		t.Errorf("session token that is not encrypted: got %v, want %v", err, token.ErrType)
	}
	if _, err := authority.VerifyAccess(signedSession(t, key)); !errors.Is(err, token.ErrType) {
		t.Errorf("session token that is not encrypted, as access token: got %v, want %v", err, token.ErrType)
	}
}
