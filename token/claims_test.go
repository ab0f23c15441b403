package token_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestAttributesCannotOverrideClaims has Signicat, or an attacker who names the claims, answer with an attribute that would
// say something about the token instead of the person.
func TestAttributesCannotOverrideClaims(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	for _, name := range []string{
		"iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "auth_time", "acr", "idp", "amr", "azp", "nonce",
		"scope", "scp", "roles", "groups", "entitlements", "cnf", "act", "may_act", "sid", "at_hash",
	} {
		if !token.IsReserved(name) {
			t.Errorf("%s is not reserved", name)
		}
		claims := person()
		claims.Attributes = map[string]any{name: "attacker"}
		if _, _, err := authority.IssueAccess(claims); !errors.Is(err, token.ErrClaims) {
			t.Errorf("attribute %s: got %v, want %v", name, err, token.ErrClaims)
		}
	}
	for _, name := range []string{
		"name", "given_name", "family_name", "birthdate", "email", "email_verified", "gender", "locale", "phone_number",
		"address", "nin", "nationality", "place_of_birth", "country_of_birth", "idp_id", "itsme_eid",
	} {
		if token.IsReserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

func TestClaimsThatCannotBeIssued(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	attribute := func(value any) func(*token.Claims) {
		return func(c *token.Claims) { c.Attributes = map[string]any{"claim": value} }
	}
	for _, row := range []struct {
		name    string
		change  func(*token.Claims)
		wantErr error
	}{
		{"complete", func(*token.Claims) {}, nil},
		{"bound to a key", func(c *token.Claims) { c.KeyThumbprint = thumbprint }, nil},
		{"bound to a thumbprint that is too short", func(c *token.Claims) { c.KeyThumbprint = thumbprint[1:] }, token.ErrClaims},
		{"bound to another text", func(c *token.Claims) { c.KeyThumbprint = strings.Repeat("!", 43) }, token.ErrClaims},
		{"no attributes", func(c *token.Claims) { c.Attributes = nil }, nil},
		{"no subject", func(c *token.Claims) { c.Subject = "" }, token.ErrClaims},
		{"a subject that is not UTF-8", func(c *token.Claims) { c.Subject = "a\xff" }, token.ErrClaims},
		{"an ID that is not UTF-8", func(c *token.Claims) { c.ID = "a\xff" }, token.ErrClaims},
		{"no authentication time", func(c *token.Claims) { c.AuthTime = time.Time{} }, token.ErrClaims},
		{"no level of assurance", func(c *token.Claims) { c.ACR = "" }, token.ErrClaims},
		{"an unknown level of assurance", func(c *token.Claims) { c.ACR = "urn:high" }, token.ErrClaims},
		{"an ID without a login", func(c *token.Claims) { c.ID = ".1" }, token.ErrClaims},
		{"an attribute without a name", func(c *token.Claims) { c.Attributes = map[string]any{"": "x"} }, token.ErrClaims},
		{"an attribute whose name is not UTF-8", func(c *token.Claims) { c.Attributes = map[string]any{"\xff": "x"} }, token.ErrClaims},
		{"an attribute that is null", attribute(nil), token.ErrClaims},
		{"an attribute that is a number", attribute(1), token.ErrClaims},
		{"an attribute that is a list", attribute([]any{"x"}), token.ErrClaims},
		{"an attribute with a number in it", attribute(map[string]any{"x": 1}), token.ErrClaims},
		{"an attribute nested too deeply", attribute(map[string]any{"x": map[string]any{}}), token.ErrClaims},
		{"an attribute of 5,000 bytes", attribute(strings.Repeat("x", 5000)), nil},
		{"an attribute of 8 KiB", attribute(strings.Repeat("x", token.MaxSize)), token.ErrTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			claims := person()
			row.change(&claims)
			if _, _, err := authority.IssueAccess(claims); !errors.Is(err, row.wantErr) {
				t.Errorf("got %v, want %v", err, row.wantErr)
			}
		})
	}
}

// thumbprint is the one printed in RFC 9449 section 6.1.
const thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

// TestBoundTokenNamesItsKey: an upstream or a gateway that cannot see the key takes the token for a bearer token, which
// a thief can use.
func TestBoundTokenNamesItsKey(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	for name, key := range map[string]string{"bound": thumbprint, "a bearer token": ""} {
		claims := person()
		claims.KeyThumbprint = key
		raw, issued, err := authority.IssueAccess(claims)
		if err != nil {
			t.Fatal(err)
		}
		verified, err := authority.VerifyAccess(raw)
		if err != nil {
			t.Fatal(err)
		}
		if issued.KeyThumbprint != key || verified.KeyThumbprint != key {
			t.Errorf("%s: issued for key %q, verified for %q", name, issued.KeyThumbprint, verified.KeyThumbprint)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Contains(string(payload), `"cnf":{"jkt":"`+thumbprint+`"}`), key != ""; got != want || strings.Contains(string(payload), "cnf") != want {
			t.Errorf("%s: the payload is %s", name, payload)
		}
	}
}

// TestLargestTokenIsAccepted keeps what is issued and what is verified at one and the same bound.
func TestLargestTokenIsAccepted(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	largest := ""
	for size := 5000; ; size++ {
		claims := person()
		claims.Attributes = map[string]any{"claim": strings.Repeat("x", size)}
		raw, _, err := authority.IssueAccess(claims)
		if errors.Is(err, token.ErrTooLarge) {
			break
		}
		largest = raw
	}
	if len(largest) < token.MaxSize-2 || len(largest) > token.MaxSize {
		t.Errorf("largest token: %d bytes", len(largest))
	}
	if _, err := authority.VerifyAccess(largest); err != nil {
		t.Error(err)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"login": "login", "login.1": "login", "login.1.2": "login", "": "", ".1": ""} {
		if got := (&token.Claims{ID: id}).Login(); got != want {
			t.Errorf("login of %q: got %q, want %q", id, got, want)
		}
	}
}

// TestAttributesSurvive issues a session token, and an access token from what was read from it, as happens for every
// browser: each says exactly what went in, but for bytes that JSON cannot carry.
func TestAttributesSurvive(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	text := rapid.OneOf(rapid.StringN(0, 40, 120), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string {
		return string(b)
	}))
	name := rapid.StringMatching(`[a-z_]{1,12}`).Filter(func(name string) bool { return !token.IsReserved(name) })
	nested := rapid.Map(rapid.MapOfN(name, text, 0, 4), func(m map[string]string) any { return toAny(m) })
	value := rapid.OneOf(nested, text.AsAny(), rapid.Bool().AsAny())
	rapid.Check(t, func(t *rapid.T) {
		claims := person()
		claims.Attributes = rapid.MapOfN(name, value, 0, 8).Draw(t, "attributes")
		before := maps.Clone(claims.Attributes)

		raw, issued, err := authority.IssueSession(claims)
		if err != nil {
			t.Fatal(err)
		}
		session, err := authority.VerifySession(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&issued, session); diff != "" {
			t.Fatalf("session token (-issued +verified):\n%s", diff)
		}
		raw, _, err = authority.IssueAccess(*session)
		if err != nil {
			t.Fatal(err)
		}
		access, err := authority.VerifyAccess(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(repaired(before), access.Attributes); diff != "" {
			t.Fatalf("attributes (-in +out):\n%s", diff)
		}
		if diff := cmp.Diff(before, claims.Attributes); diff != "" {
			t.Fatalf("the caller's attributes were changed:\n%s", diff)
		}
	})
}

func toAny(m map[string]string) map[string]any {
	all := make(map[string]any, len(m))
	for name, text := range m {
		all[name] = text
	}
	return all
}

// repaired is attributes with what is not UTF-8 replaced.
func repaired(attributes map[string]any) map[string]any {
	all := make(map[string]any, len(attributes))
	for name, value := range attributes {
		switch v := value.(type) {
		case string:
			all[name] = strings.ToValidUTF8(v, "\uFFFD")
		case map[string]any:
			all[name] = repaired(v)
		default:
			all[name] = v
		}
	}
	return all
}
