package token_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// FuzzParseKey writes a key file. A key that is accepted signs tokens that it verifies, is the same key
// when it is written and read again, and publishes nothing private. An error is one line of ours and
// shows nothing of the file.
func FuzzParseKey(f *testing.F) {
	for _, algorithm := range algorithms {
		text, err := newKey(f, algorithm).MarshalPEM()
		if err != nil {
			f.Fatal(err)
		}
		for _, seed := range []string{string(text), string(text) + string(text), strings.Replace(string(text), "PRIVATE", "EC PRIVATE", 1), strings.ReplaceAll(string(text), "\n", "\r\n"), string(text[:len(text)/2])} {
			f.Add([]byte(seed))
		}
	}
	for _, seed := range []string{
		rfc8037, "[" + rfc8037 + "]", strings.Replace(rfc8037, "{", `{"use":"enc",`, 1), strings.Replace(rfc8037, "{", `{"alg":"ES256",`, 1), strings.Replace(rfc8037, "OKP", "EC", 1),
		`{"kty":"oct","k":"c2VjcmV0"}`, `{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}`, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "hunter2", "", "{",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := token.ParseKey(data, "")
		if err != nil {
			checkKeyError(t, err)
			return
		}
		authority := newAuthority(t, config(), keystest.Of(t, key))
		if _, err := authority.VerifyAccess(issueAccess(t, authority)); err != nil {
			t.Errorf("a key that is accepted verifies nothing that it signs: %v", err)
		}
		text, err := key.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := token.ParseKey(text, key.Algorithm())
		if err != nil || again.ID() != key.ID() {
			t.Errorf("written and read again the key is %v: %v", again, err)
		}
		set, err := token.NewKeySet(key)
		if err != nil {
			t.Fatal(err)
		}
		var published struct{ Keys []map[string]any }
		if err := json.Unmarshal(set.JWKS(), &published); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, shown := published.Keys[0][member]; shown {
				t.Errorf("the JWKS shows %s", member)
			}
		}
	})
}

func checkKeyError(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if !errors.Is(err, token.ErrKeyFormat) && !errors.Is(err, token.ErrKeyKind) {
		t.Errorf("got %v", err)
	}
	if len(text) > 300 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("the file writes our error: %q", text)
	}
	// The errors are texts of ours, with the name of an algorithm at most: none holds a word as long as
	// what a key's numbers are in base64.
	for word := range strings.FieldsSeq(text) {
		if len(word) > 30 {
			t.Errorf("%q is in the error: %q", word, text)
		}
	}
}
