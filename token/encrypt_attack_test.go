package token_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// jweHeader is the header of an encrypted token of that typ.
func jweHeader(key *token.Key, typ string) string {
	return `{"alg":"A256KW","cty":"JWT","enc":"A256GCM","kid":"` + key.ID() + `","typ":"` + typ + `"}`
}

// sealed makes a JWE of any header and content, as RFC 7516 section 5.1 writes it, so that a refusal can only be for
// what differs from our own.
func sealed(t testing.TB, wrapping []byte, header, content string) string {
	t.Helper()
	contentKey := make([]byte, 32)
	_, _ = rand.Read(contentKey)
	block, err := aes.NewCipher(wrapping)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := josecipher.KeyWrap(block, contentKey)
	if err != nil {
		t.Fatal(err)
	}
	return sealedWith(t, contentKey, wrapped, header, content)
}

// sealedWith encrypts with a content key that was wrapped in any way.
func sealedWith(t testing.TB, contentKey, wrapped []byte, header, content string) string {
	t.Helper()
	block, err := aes.NewCipher(contentKey)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(iv)
	head := encode(header)
	out := gcm.Seal(nil, iv, []byte(content), []byte(head))
	text, tag := out[:len(out)-gcm.Overhead()], out[len(out)-gcm.Overhead():]
	return strings.Join([]string{head, encode(string(wrapped)), encode(string(iv)), encode(string(text)), encode(string(tag))}, ".")
}

// goodSession is the payload of a session token that is accepted.
var goodSession = strings.Replace(goodPayload, "https://api.example.be", sessionAudience, 1)

// signedSession signs a session token that lacks only its encryption.
func signedSession(t testing.TB, key *token.Key) string {
	t.Helper()
	return forge(t, key, strings.Replace(goodHeader(key), "at+jwt", "session+jwt", 1), goodSession)
}

// TestHeaderOfEncryptedTokenIsOurs encrypts every row with the right key, as if the attacker had found a way to have any
// header encrypted. Each would gain by it: choose how the key is found, compress 8 KiB out of megabytes, run a password
// hash a million times, or turn one kind of token into the other.
func TestHeaderOfEncryptedTokenIsOurs(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, token.ES256), newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	signed, wrapping := signedSession(t, key), key.Derive(token.UseSessionCookie, issuer)
	good := jweHeader(key, "session+jwt")
	with := func(members string) string { return strings.TrimSuffix(good, "}") + "," + members + "}" }
	changed := func(from, to string) string { return strings.Replace(good, from, to, 1) }

	for _, row := range []struct {
		name, header string
		wantErr      error
	}{
		{"what we write", good, nil},
		{"members in another order", `{"kid":"` + key.ID() + `","alg":"A256KW","cty":"JWT","enc":"A256GCM","typ":"session+jwt"}`, token.ErrMalformed},
		{"a blank", changed(`,"cty"`, `, "cty"`), token.ErrMalformed},
		{"a letter escaped", changed(`"JWT"`, `"\u004aWT"`), token.ErrMalformed},

		{"alg missing", changed(`"alg":"A256KW",`, ``), token.ErrMalformed},
		{"alg none", changed(`A256KW`, `none`), token.ErrMalformed},
		{"alg of a shorter key", changed(`A256KW`, `A128KW`), token.ErrMalformed},
		{"alg of a direct key", changed(`A256KW`, `dir`), token.ErrMalformed},
		{"alg with a nonce", changed(`A256KW`, `A256GCMKW`), token.ErrMalformed},
		{"alg of a password", changed(`A256KW`, `PBES2-HS512+A256KW`), token.ErrMalformed},
		{"alg of a password with a count", strings.TrimSuffix(changed(`A256KW`, `PBES2-HS512+A256KW`), "}") + `,"p2c":10000000,"p2s":"AAAAAAAAAAA"}`, token.ErrMalformed},
		{"alg of key agreement", changed(`A256KW`, `ECDH-ES+A256KW`), token.ErrMalformed},
		{"alg of RSA", changed(`A256KW`, `RSA-OAEP`), token.ErrMalformed},
		{"alg of RSA with PKCS #1", changed(`A256KW`, `RSA1_5`), token.ErrMalformed},
		{"alg in lower case", changed(`A256KW`, `a256kw`), token.ErrMalformed},
		{"alg twice", with(`"alg":"dir"`), token.ErrMalformed},

		{"enc missing", changed(`"enc":"A256GCM",`, ``), token.ErrMalformed},
		{"enc of a shorter key", changed(`A256GCM`, `A128GCM`), token.ErrMalformed},
		{"enc of CBC", changed(`A256GCM`, `A256CBC-HS512`), token.ErrMalformed},
		{"enc null", changed(`"A256GCM"`, `null`), token.ErrMalformed},

		{"kid missing", changed(`,"kid":"`+key.ID()+`"`, ``), token.ErrMalformed},
		{"kid of a key that is not in the set", changed(key.ID(), other.ID()), token.ErrUnknownKey},
		{"kid as a path", changed(key.ID(), `../../dev/null`), token.ErrUnknownKey},
		{"kid of 4 kB", changed(key.ID(), strings.Repeat("A", 4<<10)), token.ErrMalformed},

		{"typ missing", changed(`,"typ":"session+jwt"`, ``), token.ErrMalformed},
		{"typ of an access token", changed(`session+jwt`, `at+jwt`), token.ErrType},
		{"typ of any JWT", changed(`session+jwt`, `JWT`), token.ErrMalformed},
		{"typ in upper case", changed(`session+jwt`, `SESSION+JWT`), token.ErrMalformed},
		{"typ as a whole media type", changed(`session+jwt`, `application/session+jwt`), token.ErrMalformed},

		{"cty missing", changed(`"cty":"JWT",`, ``), token.ErrMalformed},
		{"cty of something else", changed(`"cty":"JWT"`, `"cty":"jwk+json"`), token.ErrMalformed},

		{"compressed", with(`"zip":"DEF"`), token.ErrMalformed},
		{"an extension that must be understood", with(`"crit":["exp"],"exp":1`), token.ErrMalformed},
		{"an empty list of such extensions", with(`"crit":[]`), token.ErrMalformed},
		{"a key of the attacker's inside", with(`"jwk":{"kty":"oct","k":"AA"}`), token.ErrMalformed},
		{"a URL of the attacker's keys", with(`"jku":"https://attacker.example/jwks.json"`), token.ErrMalformed},
		{"a certificate of the attacker's", with(`"x5c":["MIIB"]`), token.ErrMalformed},
		{"a key for agreement", with(`"epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`), token.ErrMalformed},
		{"a party for agreement", with(`"apu":"AA"`), token.ErrMalformed},
		{"claims repeated in the header", with(`"iss":"https://app.example.be"`), token.ErrMalformed},
		{"nothing", ``, token.ErrMalformed},
		{"null", `null`, token.ErrMalformed},
		{"an array", `[` + good + `]`, token.ErrMalformed},
		{"something behind", good + `{}`, token.ErrMalformed},
		{"bytes that are not UTF-8", changed(`JWT`, "JWT\xff"), token.ErrMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := authority.VerifySession(sealed(t, wrapping, row.header, signed))
			if !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// TestEncryptedTokenIsWrappedByItsOwnKey has an attacker wrap the content's key with what the attacker has: a public
// key, nothing, or the key of another use, gateway or set.
func TestEncryptedTokenIsWrappedByItsOwnKey(t *testing.T) {
	t.Parallel()
	key, previous, other := newKey(t, token.ES256), newKey(t, token.EdDSA), newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key, previous))
	signed, header := signedSession(t, key), jweHeader(key, "session+jwt")
	kid := sha256.Sum256([]byte(key.ID()))
	for name, wrapping := range map[string][]byte{
		"a key of zeros":                    make([]byte, 32),
		"the hash of the public key's ID":   kid[:],
		"the key of access tokens":          key.Derive(token.UseAccessToken, issuer),
		"the key of nonces":                 key.Derive(token.UseDPoPNonce, issuer),
		"the same key at another gateway":   key.Derive(token.UseSessionCookie, issuer+"/other"),
		"another key of the set":            previous.Derive(token.UseSessionCookie, issuer),
		"a key that is not in the set":      other.Derive(token.UseSessionCookie, issuer),
		"the key of an issuer with a slash": key.Derive(token.UseSessionCookie, issuer+"/"),
	} {
		if _, err := authority.VerifySession(sealed(t, wrapping, header, signed)); !errors.Is(err, token.ErrDecryption) {
			t.Errorf("%s: got %v, want %v", name, err, token.ErrDecryption)
		}
	}
}

// TestPublicKeyEncryptsNothing wraps the content's key with the RSA key that the JWKS publishes: every client could
// make such a token.
func TestPublicKeyEncryptsNothing(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.RS256)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	public := privateKey(t, key).Public().(*rsa.PublicKey)
	contentKey := make([]byte, 32)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, contentKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"RSA-OAEP-256", "RSA-OAEP", "A256KW"} {
		header := strings.Replace(jweHeader(key, "session+jwt"), "A256KW", alg, 1)
		raw := sealedWith(t, contentKey, wrapped, header, signedSession(t, key))
		if _, err := authority.VerifySession(raw); !errors.Is(err, token.ErrMalformed) {
			t.Errorf("%s: got %v, want %v", alg, err, token.ErrMalformed)
		}
	}
}

// TestContentOfEncryptedTokenIsVerified encrypts other contents with the right key and header. The encryption replaces no
// check of the token inside.
func TestContentOfEncryptedTokenIsVerified(t *testing.T) {
	t.Parallel()
	key, previous, other := newKey(t, token.ES256), newKey(t, token.ES256), newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key, previous))
	header, wrapping := jweHeader(key, "session+jwt"), key.Derive(token.UseSessionCookie, issuer)
	inner := func(payload string) string {
		return forge(t, key, strings.Replace(goodHeader(key), "at+jwt", "session+jwt", 1), payload)
	}
	changed := func(from, to string) string { return inner(strings.Replace(goodSession, from, to, 1)) }
	typed := func(typ string) string {
		return forge(t, key, strings.Replace(goodHeader(key), "at+jwt", typ, 1), goodSession)
	}
	signed := signedSession(t, key)
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestCompression)
	_, _ = w.Write([]byte(signed))
	_ = w.Close()
	for name, row := range map[string]struct {
		content string
		wantErr error
	}{
		"what we write":                       {signed, nil},
		"another key of the set signed it":    {signedSession(t, previous), token.ErrUnknownKey},
		"a key that is not in the set signed": {signedSession(t, other), token.ErrUnknownKey},
		"not signed":                          {signed[:strings.LastIndex(signed, ".")+1] + strings.Repeat("A", 86), token.ErrSignature},
		"an access token":                     {forge(t, key, goodHeader(key), goodPayload), token.ErrType},
		"the claims of an access token":       {inner(goodPayload), token.ErrAudience},
		"typ in upper case":                   {typed("SESSION+JWT"), token.ErrType},
		"typ as a whole media type":           {typed("application/session+jwt"), token.ErrType},
		"typ of any JWT":                      {typed("JWT"), token.ErrType},
		"of another issuer":                   {changed(`"iss":"https://app.example.be"`, `"iss":"https://other.example.be"`), token.ErrIssuer},
		"expired":                             {changed(`"exp":1773922500`, `"exp":1773900000`), token.ErrExpired},
		"from the future":                     {changed(`"iat":1773921600`, `"iat":1773922000`), token.ErrNotYetValid},
		"the claims without a signature":      {goodSession, token.ErrMalformed},
		"a JWE inside":                        {sealed(t, wrapping, header, signed), token.ErrMalformed},
		"compressed":                          {deflated.String(), token.ErrMalformed},
		"nothing":                             {"", token.ErrMalformed},
		"a blank behind":                      {signed + " ", token.ErrMalformed},
	} {
		_, err := authority.VerifySession(sealed(t, wrapping, header, row.content))
		if !errors.Is(err, row.wantErr) {
			t.Errorf("%s: got %v, want %v", name, err, row.wantErr)
		}
	}
}

// TestEncryptedTokenCannotBeChanged changes every character of a token, cuts it, and moves parts between two tokens.
func TestEncryptedTokenCannotBeChanged(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	issue := func() string {
		raw, _, err := authority.IssueSession(person())
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	refused := func(name, raw string) {
		t.Helper()
		if _, err := authority.VerifySession(raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	raw, second := issue(), issue()
	for i := range raw {
		replacement := "A"
		if raw[i] == 'A' {
			replacement = "B"
		}
		refused("one character changed", raw[:i]+replacement+raw[i+1:])
	}
	parts, others := strings.Split(raw, "."), strings.Split(second, ".")
	if parts[0] != others[0] {
		t.Fatal("two tokens have different headers")
	}
	for i := 1; i < len(parts); i++ {
		if parts[i] == others[i] {
			t.Errorf("part %d of two tokens is the same", i)
		}
		mixed := append([]string(nil), parts...)
		mixed[i] = others[i]
		refused("a part of another token", strings.Join(mixed, "."))
		mixed[i] = ""
		refused("a part left out", strings.Join(mixed, "."))
		mixed[i] = parts[i] + "AAAA"
		refused("a part that is longer", strings.Join(mixed, "."))
		mixed[i] = parts[i][:4] + "\n" + parts[i][4:]
		refused("a line break", strings.Join(mixed, "."))
		mixed[i] = parts[i] + "="
		refused("padding", strings.Join(mixed, "."))
		refused("cut", strings.Join(parts[:i], "."))
	}
	refused("loose bits", looseBits(raw))
	refused("a part more", raw+".AAAA")
	refused("oversized", strings.Join([]string{parts[0], parts[1], parts[2], strings.Repeat("A", token.MaxSize), parts[4]}, "."))
}

// TestOneEncryptedKindIsNeverTheOther presents the cookie of a browser as an app's token and the reverse, and both to a
// second gateway that has the same keys.
func TestOneEncryptedKindIsNeverTheOther(t *testing.T) {
	t.Parallel()
	inForce := keystest.Of(t, newKey(t, token.ES256))
	c := config()
	c.Encrypted = true
	authority := newAuthority(t, c, inForce)
	access := issueAccess(t, authority)
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
	c.Issuer = "https://other.example.be"
	neighbour := newAuthority(t, c, inForce)
	if _, err := neighbour.VerifyAccess(access); !errors.Is(err, token.ErrDecryption) {
		t.Errorf("access token at another gateway: got %v, want %v", err, token.ErrDecryption)
	}
	if _, err := neighbour.VerifySession(session); !errors.Is(err, token.ErrDecryption) {
		t.Errorf("session token at another gateway: got %v, want %v", err, token.ErrDecryption)
	}
}
