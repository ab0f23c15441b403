package login

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

var (
	// codeVerifier matches a code verifier (RFC 7636 section 4.1).
	codeVerifier = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
	// codeChallenge matches an S256 code challenge (RFC 7636 section 4.2).
	codeChallenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// ValidChallenge reports whether an S256 code challenge is well-formed.
func ValidChallenge(challenge string) bool { return codeChallenge.MatchString(challenge) }

// BoundToVerifier reports whether the verifier belongs to the app that started the login. A record without a
// challenge is bound to no app.
func BoundToVerifier(record *store.Record, verifier string) bool {
	if record.Kind != store.App || record.Challenge == "" || !codeVerifier.MatchString(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(challenge), []byte(record.Challenge)) == 1
}

// BoundToCookie reports whether the login cookie belongs to the browser that started the login. A record
// without a cookie's hash is bound to no browser.
func BoundToCookie(record *store.Record, cookie string) bool {
	if record.Kind != store.Browser || record.CookieHash == [sha256.Size]byte{} || cookie == "" {
		return false
	}
	sum := sha256.Sum256([]byte(cookie))
	return subtle.ConstantTimeCompare(sum[:], record.CookieHash[:]) == 1
}
