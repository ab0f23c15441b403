package token_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestPayloadIsReadOneWay signs every row with our own key: what a bug elsewhere, another program with the same key
// or a configuration of yesterday could have signed. None of it may be read as something that it does not plainly say.
func TestPayloadIsReadOneWay(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	c := config()
	c.Audience = append(c.Audience, "https://other-api.example.be")
	authority := newAuthority(t, c, keystest.Of(t, key))
	set := func(member, value string) string { return setMember(t, member, value) }
	without := func(member string) string { return setMember(t, member, "") }
	with := func(members string) string { return strings.TrimSuffix(goodPayload, "}") + "," + members + "}" }

	type row struct {
		name    string
		payload string
		wantErr error
	}
	rows := []row{
		{"what we write", goodPayload, nil},
		{"several audiences, one of them ours", set("aud", `["https://x.example","`+audience+`"]`), nil},
		{"our other audience", set("aud", `"https://other-api.example.be"`), nil},
		{"nbf in the past", with(`"nbf":1773921600`), nil},

		{"issuer missing", without("iss"), token.ErrIssuer},
		{"a sibling gateway's issuer", set("iss", `"https://sibling.example.be"`), token.ErrIssuer},
		{"issuer with a slash behind", set("iss", `"https://app.example.be/"`), token.ErrIssuer},
		{"issuer in upper case", set("iss", `"https://APP.example.be"`), token.ErrIssuer},
		{"issuer as an array", set("iss", `["https://app.example.be"]`), token.ErrIssuer},
		{"issuer null", set("iss", `null`), token.ErrIssuer},

		{"audience missing", without("aud"), token.ErrAudience},
		{"audience empty", set("aud", `""`), token.ErrAudience},
		{"no audiences", set("aud", `[]`), token.ErrAudience},
		{"another audience", set("aud", `"https://attacker.example"`), token.ErrAudience},
		{"audience that ours begins with", set("aud", `"https://api.example"`), token.ErrAudience},
		{"audience that begins with ours", set("aud", `"https://api.example.be.attacker.example"`), token.ErrAudience},
		{"a session token's audience", set("aud", `"`+sessionAudience+`"`), token.ErrAudience},
		{"audience as an object", set("aud", `{"https://api.example.be":true}`), token.ErrAudience},
		{"audiences that are not all strings", set("aud", `["https://api.example.be",1]`), token.ErrAudience},
		{"audiences in an array of arrays", set("aud", `[["https://api.example.be"]]`), token.ErrAudience},

		{"subject missing", without("sub"), token.ErrClaims},
		{"subject empty", set("sub", `""`), token.ErrClaims},
		{"subject as a number", set("sub", `1`), token.ErrClaims},
		{"subject under another case", strings.Replace(goodPayload, `"sub"`, `"SUB"`, 1), token.ErrClaims},
		{"ID missing", without("jti"), token.ErrClaims},
		{"ID without a login", set("jti", `".1"`), token.ErrClaims},
		{"client ID missing", without("client_id"), token.ErrClaims},
		{"client ID empty", set("client_id", `""`), token.ErrClaims},
		{"level of assurance missing", without("acr"), token.ErrClaims},
		{"level of assurance unknown", set("acr", `"HIGH"`), token.ErrClaims},
		{"level of assurance as an array", set("acr", `["high"]`), token.ErrClaims},
		{"identity provider missing", without("idp"), token.ErrClaims},
		{"another identity provider", set("idp", `"google"`), token.ErrClaims},

		{"nbf in the future", with(`"nbf":1773921661`), token.ErrNotYetValid},
		{"nbf as a string", with(`"nbf":"1773921600"`), token.ErrClaims},
		{"nbf null", with(`"nbf":null`), token.ErrClaims},

		{"subject twice", with(`"sub":"victim"`), token.ErrMalformed},
		{"subject twice, once escaped", with(`"\u0073ub":"victim"`), token.ErrMalformed},
		{"exp twice", with(`"exp":9999999999`), token.ErrMalformed},
		{"a member twice in an attribute", with(`"address":{"formatted":"a","formatted":"b"}`), token.ErrMalformed},
		{"a permission", with(`"scope":"admin"`), token.ErrClaims},
		{"a key's thumbprint", with(`"cnf":{"jkt":"` + thumbprint + `"}`), nil},
		{"a thumbprint that is too short", with(`"cnf":{"jkt":"AA"}`), token.ErrClaims},
		{"an empty thumbprint", with(`"cnf":{"jkt":""}`), token.ErrClaims},
		{"a thumbprint with a line break", with(`"cnf":{"jkt":"` + thumbprint + `\n"}`), token.ErrClaims},
		{"a thumbprint as an array", with(`"cnf":{"jkt":["` + thumbprint + `"]}`), token.ErrClaims},
		{"a confirmation without a key", with(`"cnf":{}`), token.ErrClaims},
		{"a confirmation that is null", with(`"cnf":null`), token.ErrClaims},
		{"a confirmation that is a string", with(`"cnf":"` + thumbprint + `"`), token.ErrClaims},
		{"a confirmation by a certificate", with(`"cnf":{"x5t#S256":"` + thumbprint + `"}`), token.ErrClaims},
		{"a confirmation by a key and a certificate", with(`"cnf":{"jkt":"` + thumbprint + `","x5t#S256":"` + thumbprint + `"}`), token.ErrClaims},
		{"an attribute without a name", with(`"":"x"`), token.ErrClaims},
		{"an attribute that is null", with(`"email":null`), token.ErrClaims},
		{"an attribute that is a number", with(`"age":18`), token.ErrClaims},
		{"an attribute that is an array", with(`"nationality":["belge"]`), token.ErrClaims},
		{"an attribute with a number in it", with(`"address":{"postal_code":1000}`), token.ErrClaims},
		{"an attribute nested too deeply", with(`"address":{"a":{"b":"c"}}`), token.ErrClaims},
		{"nested a hundred deep", with(`"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), token.ErrClaims},

		{"nothing", ``, token.ErrMalformed},
		{"null", `null`, token.ErrMalformed},
		{"an array of it", `[` + goodPayload + `]`, token.ErrMalformed},
		{"a string", `"payload"`, token.ErrMalformed},
		{"two objects", goodPayload + goodPayload, token.ErrMalformed},
		{"an object cut short", strings.TrimSuffix(goodPayload, "}"), token.ErrMalformed},
		{"a comma too many", strings.TrimSuffix(goodPayload, "}") + ",}", token.ErrMalformed},
		{"a comment", strings.TrimSuffix(goodPayload, "}") + "/**/}", token.ErrMalformed},
		{"bytes that are not UTF-8", set("sub", "\"\xff\xfe\""), token.ErrMalformed},
	}
	for _, claim := range []string{"exp", "iat", "auth_time"} {
		for name, value := range map[string]string{
			"missing": "", "null": `null`, "a string": `"1773921600"`, "negative": `-1`, "zero": `0`,
			"with a fraction": `1773921600.5`, "a whole number with a point": `1773921600.0`,
			"with an exponent": `1.7739216e9`, "1e300": `1e300`, "at the bound": strconv.Itoa(1 << 40),
			"of 100 digits": strings.Repeat("9", 100), "true": `true`, "an array": `[1773921600]`,
		} {
			rows = append(rows, row{claim + " " + name, set(claim, value), token.ErrClaims})
		}
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := authority.VerifyAccess(forge(t, key, goodHeader(key), row.payload))
			if !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// setMember replaces a member's value in goodPayload, or removes the member when value is empty. It works on the text,
// so that it can write what encoding/json would not.
func setMember(t *testing.T, member, value string) string {
	t.Helper()
	before, rest, ok := strings.Cut(goodPayload, `"`+member+`":`)
	end := strings.IndexAny(rest, ",}")
	if !ok || end < 0 {
		t.Fatalf("no member %s", member)
	}
	switch {
	case value == "" && before == "{":
		return before + rest[end+1:]
	case value == "":
		return strings.TrimSuffix(before, ",") + rest[end:]
	}
	return before + `"` + member + `":` + value + rest[end:]
}

// TestValidityWindow moves the clock of the verifier over the edges of a token.
func TestValidityWindow(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	issued := noon
	expires := noon.Add(15 * time.Minute)
	for _, row := range []struct {
		name    string
		now     time.Time
		wantErr error
	}{
		{"at its issue", issued, nil},
		{"the skew before its issue", issued.Add(-token.Skew), nil},
		{"more than the skew before its issue", issued.Add(-token.Skew - 1), token.ErrNotYetValid},
		{"at its end", expires, nil},
		{"just within the skew after its end", expires.Add(token.Skew - 1), nil},
		{"the skew after its end", expires.Add(token.Skew), token.ErrExpired},
		{"years after its end", expires.AddDate(10, 0, 0), token.ErrExpired},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inForce := keystest.Of(t, key)
			raw := issueAccess(t, newAuthority(t, config(), inForce))
			c := config()
			c.Now = func() time.Time { return row.now }
			if _, err := newAuthority(t, c, inForce).VerifyAccess(raw); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}
