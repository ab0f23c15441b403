package token_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const parent = "bG9naW4.3"

// minted returns the claims of a token for an upstream.
func minted(audience ...string) token.Claims {
	c := person()
	c.Parent, c.Audience = parent, audience
	return c
}

// TestMintedTokenIsNoCredential has an upstream present the token that it received. Where its audience is the gateway's
// own, only sid distinguishes it from the token of a client.
func TestMintedTokenIsNoCredential(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	for _, aud := range [][]string{nil, {audience}, {"https://orders.example.be"}} {
		raw, issued, err := authority.IssueMinted(minted(aud...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := authority.VerifyAccess(raw); !errors.Is(err, token.ErrMinted) {
			t.Errorf("audience %q as access token: %v", aud, err)
		}
		if _, err := authority.VerifySession(raw); !errors.Is(err, token.ErrType) {
			t.Errorf("audience %q as session token: %v", aud, err)
		}
		read, err := authority.VerifyMinted(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&issued, read); diff != "" {
			t.Errorf("audience %q (-issued +read):\n%s", aud, diff)
		}
		want := aud
		if aud == nil {
			want = []string{audience}
		}
		if !slices.Equal(read.Audience, want) || read.LoginID != "bG9naW4" || read.Parent != parent || read.Login() != "bG9naW4" || read.ID == parent {
			t.Errorf("audience %q: %+v", aud, read)
		}
		if read.ExpiresAt.Sub(noon) != token.MaxMintedLifetime {
			t.Errorf("lives %s", read.ExpiresAt.Sub(noon))
		}
	}
	if _, err := authority.VerifyMinted(issueAccess(t, authority)); !errors.Is(err, token.ErrMinted) {
		t.Errorf("an access token as a minted one: %v", err)
	}
}

// TestMintedTokenEndsBefore mints from a credential that ends soon, and with a lifetime of access tokens that is shorter
// than that of minted ones.
func TestMintedTokenEndsBefore(t *testing.T) {
	t.Parallel()
	c := config()
	c.Lifetime = time.Minute
	for want, authority := range map[time.Duration]*token.Authority{
		time.Minute:      newAuthority(t, c, keystest.Of(t, newKey(t, token.EdDSA))),
		90 * time.Second: newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA))),
	} {
		claims := minted()
		claims.ExpiresAt = noon.Add(90 * time.Second)
		_, issued, err := authority.IssueMinted(claims)
		if err != nil || issued.ExpiresAt.Sub(noon) != want {
			t.Errorf("%v: lives %s, want %s", err, issued.ExpiresAt.Sub(noon), want)
		}
	}
}

// TestSidIsReadOneWay signs tokens with our own key whose sid and parent contradict the rest, as a bug elsewhere could.
// Whatever has a sid is no credential.
func TestSidIsReadOneWay(t *testing.T) {
	t.Parallel()
	key := newKey(t, token.EdDSA)
	authority := newAuthority(t, config(), keystest.Of(t, key))
	good := strings.TrimSuffix(goodPayload, "}") + `,"sid":"bG9naW4","parent":"bG9naW4"}`
	for _, row := range []struct {
		name, payload string
		minted        error
	}{
		{"a minted token", good, nil},
		{"sid of another login", setIn(good, `"sid":"bG9naW4"`, `"sid":"b3RoZXI"`), token.ErrClaims},
		{"an empty sid", setIn(good, `"sid":"bG9naW4"`, `"sid":""`), token.ErrClaims},
		{"sid null", setIn(good, `"sid":"bG9naW4"`, `"sid":null`), token.ErrClaims},
		{"sid as a number", setIn(good, `"sid":"bG9naW4"`, `"sid":1`), token.ErrClaims},
		{"a parent of another login", setIn(good, `"parent":"bG9naW4"`, `"parent":"b3RoZXI.1"`), token.ErrClaims},
		{"no parent", setIn(good, `,"parent":"bG9naW4"`, ``), token.ErrClaims},
		{"no audience", setIn(good, `"aud":"https://api.example.be"`, `"aud":[]`), token.ErrAudience},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			raw := forge(t, key, goodHeader(key), row.payload)
			if _, err := authority.VerifyAccess(raw); !errors.Is(err, token.ErrMinted) {
				t.Errorf("as access token: %v", err)
			}
			if _, err := authority.VerifyMinted(raw); !errors.Is(err, row.minted) {
				t.Errorf("as minted token: got %v, want %v", err, row.minted)
			}
		})
	}
	orphan := strings.TrimSuffix(goodPayload, "}") + `,"parent":"bG9naW4"}`
	if _, err := authority.VerifyAccess(forge(t, key, goodHeader(key), orphan)); !errors.Is(err, token.ErrClaims) {
		t.Errorf("parent without sid: %v", err)
	}
}

func setIn(payload, before, after string) string { return strings.Replace(payload, before, after, 1) }

// TestOnlyMintedTokensHaveSid copies the claims of a minted token into others, as a caller in error would.
func TestOnlyMintedTokensHaveSid(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	_, claims, err := authority.IssueMinted(minted("https://orders.example.be"))
	if err != nil {
		t.Fatal(err)
	}
	for name, issue := range map[string]func(token.Claims) (string, token.Claims, error){
		"access": authority.IssueAccess, "session": authority.IssueSession,
	} {
		_, issued, err := issue(claims)
		if err != nil || issued.LoginID != "" || issued.Parent != "" || slices.Contains(issued.Audience, "https://orders.example.be") {
			t.Errorf("%s: %v, %+v", name, err, issued)
		}
	}
	if _, _, err := authority.IssueMinted(person()); !errors.Is(err, token.ErrClaims) {
		t.Errorf("minted from no token: %v", err)
	}
}

// TestLargestTokenCanBeMinted mints from a token of the maximum size, for an audience of 512 bytes.
func TestLargestTokenCanBeMinted(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		authority := newAuthority(t, config(), keystest.Of(t, newKey(t, algorithm)))
		largest := person()
		for size := 5000; ; size++ {
			largest.Attributes = map[string]any{"claim": strings.Repeat("x", size)}
			if _, _, err := authority.IssueAccess(largest); errors.Is(err, token.ErrTooLarge) {
				largest.Attributes = map[string]any{"claim": strings.Repeat("x", size-1)}
				break
			}
		}
		_, issued, err := authority.IssueAccess(largest)
		if err != nil {
			t.Fatal(err)
		}
		issued.Parent, issued.Audience = issued.ID+"."+authority.NewID(), []string{"https://" + strings.Repeat("a", 504)}
		raw, _, err := authority.IssueMinted(issued)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if _, err := authority.VerifyMinted(raw); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}
