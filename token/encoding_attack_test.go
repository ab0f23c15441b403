package token_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestEncodingIsStrict has the attacker spell a good token in another way, to get it past a cache, a deny list or a
// log that knows it by its text, or send what is no such token at all.
func TestEncodingIsStrict(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.ES256)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	good := forge(t, key, goodHeader(key), goodPayload)
	part := strings.Split(good, ".")
	head, body, tail := part[0], part[1], part[2]
	signed := func(head, body string) string { return forgeParts(t, key, head, body) }

	for _, row := range []struct {
		name    string
		raw     string
		wantErr error
	}{
		{"as issued", good, nil},
		{"the header with padding", signed(pad(goodHeader(key)), body), token.ErrMalformed},
		{"the payload with padding", signed(head, pad(goodPayload)), token.ErrMalformed},
		{"the signature with padding", good + "==", token.ErrMalformed},
		{"the last bits of the signature changed", looseBits(good), token.ErrMalformed},
		{"the payload in the standard alphabet", signed(head, body+"+/"), token.ErrMalformed},
		{"a line break in the header", signed(head[:8]+"\n"+head[8:], body), token.ErrMalformed},
		{"a line break in the payload", signed(head, body[:8]+"\r\n"+body[8:]), token.ErrMalformed},
		{"a line break in the signature", head + "." + body + "." + tail[:8] + "\n" + tail[8:], token.ErrMalformed},
		{"a line break behind", good + "\n", token.ErrMalformed},
		{"a space in front", " " + good, token.ErrMalformed},
		{"a space behind", good + " ", token.ErrMalformed},
		{"a tab behind", good + "\t", token.ErrMalformed},
		{"a NUL behind", good + "\x00", token.ErrMalformed},
		{"a dot behind", good + ".", token.ErrMalformed},
		{"a dot in front", "." + good, token.ErrMalformed},
		{"a full-width dot", head + "\uff0e" + body + "." + tail, token.ErrMalformed},
		{"full-width letters", signed(head, body+"ＡＢ"), token.ErrMalformed},
		{"quotes around", `"` + good + `"`, token.ErrMalformed},
		{"the scheme in front", "Bearer " + good, token.ErrMalformed},
		{"two tokens and a comma", good + "," + good, token.ErrMalformed},
		{"percent-encoded dots", strings.ReplaceAll(good, ".", "%2E"), token.ErrMalformed},
		{"no signature", head + "." + body, token.ErrMalformed},
		{"an empty signature", head + "." + body + ".", token.ErrMalformed},
		{"the payload detached", head + ".." + tail, token.ErrSignature},
		{"a payload that is not base64url", head + ".!!!." + tail, token.ErrMalformed},
		{"the payload only", body, token.ErrMalformed},
		{"the parts in another order", body + "." + head + "." + tail, token.ErrMalformed},
		{"JSON serialization", `{"payload":"` + body + `","protected":"` + head + `","signature":"` + tail + `"}`, token.ErrMalformed},
		{"a JWE", encode(`{"alg":"dir","enc":"A256GCM","kid":"`+key.ID()+`"}`) + "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", token.ErrMalformed},
		{"no token", "", token.ErrMalformed},
		{"two dots", "..", token.ErrMalformed},
		{"8 KiB of letters", strings.Repeat("A", token.MaxSize), token.ErrMalformed},
		{"8 KiB of letters and one more", strings.Repeat("A", token.MaxSize+1), token.ErrTooLarge},
		{"8 KiB of dots", strings.Repeat(".", token.MaxSize), token.ErrMalformed},
		{"1 MB of dots", strings.Repeat(".", 1<<20), token.ErrTooLarge},
		{"1 MB of letters", strings.Repeat("A", 1<<20), token.ErrTooLarge},
		{"a good token with 8 KiB behind", good + strings.Repeat("A", token.MaxSize), token.ErrTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := authority.VerifyAccess(row.raw); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// TestRefusalRevealsNothing looks for what was sent in what comes back: an error ends in logs and answers.
func TestRefusalRevealsNothing(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	const secret = "81042419835"
	for _, raw := range []string{
		secret,
		secret + "." + secret + "." + secret,
		encode(secret) + ".e30.AAAA",
		forge(t, key, strings.Replace(goodHeader(key), "EdDSA", secret, 1), goodPayload),
		forge(t, key, strings.Replace(goodHeader(key), "at+jwt", secret, 1), goodPayload),
		forge(t, key, strings.Replace(goodHeader(key), key.ID(), secret, 1), goodPayload),
		forge(t, key, goodHeader(key), secret),
		forge(t, key, goodHeader(key), setMember(t, "iss", `"`+secret+`"`)),
		forge(t, key, goodHeader(key), setMember(t, "aud", `"`+secret+`"`)),
		forge(t, key, goodHeader(key), setMember(t, "acr", `"`+secret+`"`)),
		forge(t, key, goodHeader(key), setMember(t, "exp", secret+`0000`)),
		forge(t, key, goodHeader(key), setMember(t, "name", secret)),
		forge(t, key, goodHeader(key), setMember(t, "name", `"x","`+secret+`":1`)),
	} {
		claims, err := authority.VerifyAccess(raw)
		if err == nil || claims != nil {
			t.Fatalf("accepted: %v", claims)
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), encode(secret)) {
			t.Errorf("error shows what was sent: %v", err)
		}
	}
}

// pad spells JSON with padding, adding a space where it would need none.
func pad(object string) string {
	if len(object)%3 == 0 {
		object += " "
	}
	return base64.URLEncoding.EncodeToString([]byte(object))
}

// looseBits changes bits of the last character that no byte of the signature is made of.
func looseBits(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + alphabet[last^1:last^1+1]
}
