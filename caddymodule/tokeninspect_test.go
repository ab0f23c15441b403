package caddymodule_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// unsigned is a JWT that nobody signed.
func unsigned(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + ".c2lnbmF0dXJl"
}

func TestInspectShowsWhatATokenSays(t *testing.T) {
	raw := mint{key: newKey(t), issuer: "https://app.example.be", audience: "https://api.example.be", at: time.Now()}.token(t)
	out, err := itsmeReads(t, raw+"\n", "token", "inspect")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"This is an access token. It expires in 1", "Nothing was verified.", `typ  "at+jwt"`,
		`aud        "https://api.example.be"`, `name       "Jan Peeters"`, "nin        (left out; --show shows it)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	signature := raw[strings.LastIndexByte(raw, '.')+1:]
	if strings.Contains(out, "81042419835") || strings.Contains(out, signature) {
		t.Errorf("it shows the national number or the signature:\n%s", out)
	}
	if out, err = itsmeReads(t, "", "token", "inspect", "--show", raw); err != nil || !strings.Contains(out, `nin        {"value":"81042419835"}`) {
		t.Errorf("with --show it writes %q, %v", out, err)
	}
}

func TestInspectTellsTokensApart(t *testing.T) {
	session := mint{key: newKey(t), issuer: "https://app.example.be", audience: "https://api.example.be", at: time.Now().Add(-2 * time.Hour), session: true}
	for _, row := range []struct{ name, raw, want string }{
		{"a session token that has expired", session.token(t), "This is a session token, a browser's login that only the gateway accepts. It expired 1h0m"},
		{"a refresh token", "abc~12~def", "This is a refresh token."},
		{"another issuer's", unsigned(`{"alg":"none"}`, `{"iss":"https://other.example.be","exp":1}`), "This is a JWT that no gateway of caddy-itsme issued. It expired "},
		{"an access token of another issuer", unsigned(`{"typ":"at+jwt"}`, `{"idp":"google"}`), "This is a JWT that no gateway of caddy-itsme issued. It does not say when it expires."},
		{"another type", unsigned(`{"typ":"JWT"}`, `{"idp":"itsme"}`), "This is a JWT of a kind that no gateway of caddy-itsme issues."},
		{"a time of nonsense", unsigned(`{"typ":"application/AT+JWT"}`, `{"idp":"itsme","exp":1e300}`), "This is an access token. It does not say when it expires."},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := itsmeReads(t, row.raw, "token", "inspect", "-")
			if err != nil || !strings.HasPrefix(out, row.want) {
				t.Errorf("it writes %q, %v", out, err)
			}
		})
	}
}

// TestInspectedTokenCannotCommandTheTerminal has claims that would clear the screen and turn the
// text around.
func TestInspectedTokenCannotCommandTheTerminal(t *testing.T) {
	out, err := itsmeReads(t, unsigned(`{"alg":"\u001b[2J"}`, `{"na\u009bme":"\u202ea\u009b2J\nb","é":"<é>"}`), "token", "inspect")
	if err != nil || strings.ContainsAny(out, "\x1b\u009b\u202e") || !strings.Contains(out, `"<é>"`) {
		t.Errorf("it writes %q, %v", out, err)
	}
}

func TestInspectRefusesWhatIsNoToken(t *testing.T) {
	for _, row := range []struct{ name, raw, want string }{
		{"nothing", "", "there is no token"},
		{"a word", "garbage", "this is no token: a JWT has three parts"},
		{"five parts, which are encrypted", "e30.e30.e30.e30.e30", "this is no token: a JWT has three parts"},
		{"parts that are no base64url", "e30.*.e30", "this is no token: a JWT has three parts"},
		{"parts that are no objects", unsigned(`[]`, `{}`), "this is no token: a JWT has three parts"},
		{"two objects in a part", unsigned(`{}`, `{}{}`), "this is no token: a JWT has three parts"},
		{"null", unsigned(`{}`, `null`), "this is no token: a JWT has three parts"},
		{"a megabyte", strings.Repeat("A", 1<<20), "this is no token: it is longer than 65536 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if out, err := itsmeReads(t, row.raw, "token", "inspect"); err == nil || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("it writes %q and ends with %v", out, err)
			}
		})
	}
}
