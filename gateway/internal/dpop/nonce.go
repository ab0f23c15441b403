package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/strictjson"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	timeSize = 8
	macSize  = 16
)

// nonceSize is the length of a nonce: a time and its MAC in base64url.
var nonceSize = base64.RawURLEncoding.EncodedLen(timeSize + macSize)

// newNonce returns a nonce of that time. The MAC is by the key that signs tokens, so that every replica accepts it and
// none stores it.
func newNonce(keys *token.KeySet, issuer string, now time.Time) string {
	at := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(at, macOf(keys.Current(), issuer, at)...))
}

// issuedNonce returns the time of a nonce that this gateway issued. All keys of the set count: the previous one, and on
// a replica that rotates later than another also the next one.
func issuedNonce(keys *token.KeySet, issuer, nonce string) (at time.Time, ok bool) {
	if len(nonce) != nonceSize {
		return time.Time{}, false
	}
	data, err := strictjson.Base64(nonce)
	if err != nil {
		return time.Time{}, false
	}
	for key := range keys.All() {
		if hmac.Equal(macOf(key, issuer, data[:timeSize]), data[timeSize:]) {
			return time.Unix(int64(binary.BigEndian.Uint64(data)), 0), true
		}
	}
	return time.Time{}, false
}

func macOf(key *token.Key, issuer string, at []byte) []byte {
	mac := hmac.New(sha256.New, key.Derive(token.UseDPoPNonce, issuer))
	mac.Write(at)
	return mac.Sum(nil)[:macSize]
}
