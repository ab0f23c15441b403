package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestEncryptedTokensShowNothing decodes every part of a token and looks for its claims.
func TestEncryptedTokensShowNothing(t *testing.T) {
	t.Parallel()
	c := config()
	c.Encrypted = true
	for _, algorithm := range algorithms {
		key := newKey(t, algorithm)
		authority := newAuthority(t, c, keystest.Of(t, key))
		session, _, err := authority.IssueSession(person())
		if err != nil {
			t.Fatal(err)
		}
		access := issueAccess(t, authority)
		for typ, raw := range map[string]string{"session+jwt": session, "at+jwt": access} {
			parts := strings.Split(raw, ".")
			if diff := cmp.Diff(jweHeader(key, typ), decode(t, parts[0])); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			for _, part := range parts {
				for _, claim := range []string{"c3ViamVjdA", "81042419835", "Ångström", `"iss"`, "eyJ"} {
					if strings.Contains(decode(t, part), claim) {
						t.Errorf("%s shows %s", typ, claim)
					}
				}
			}
		}
		if claims, err := authority.VerifyAccess(access); err != nil || claims.Subject != person().Subject || claims.KeyID != key.ID() {
			t.Errorf("access token: %+v, %v", claims, err)
		}
	}
}

// TestSwitchingEncryptionEndsNoLogin verifies tokens from before a change of the configuration, in both directions.
func TestSwitchingEncryptionEndsNoLogin(t *testing.T) {
	t.Parallel()
	inForce := keystest.Of(t, newKey(t, token.ES256))
	c := config()
	plain := newAuthority(t, c, inForce)
	c.Encrypted = true
	encrypted := newAuthority(t, c, inForce)
	if _, err := encrypted.VerifyAccess(issueAccess(t, plain)); err != nil {
		t.Errorf("signed, after encryption was turned on: %v", err)
	}
	if _, err := plain.VerifyAccess(issueAccess(t, encrypted)); err != nil {
		t.Errorf("encrypted, after encryption was turned off: %v", err)
	}
	claims := person()
	claims.Parent = "login.1"
	minted, _, err := encrypted.IssueMinted(claims)
	if err != nil || strings.Count(minted, ".") != 2 {
		t.Errorf("IssueMinted: %d dots, %v", strings.Count(minted, "."), err)
	}
}

// TestDroppedKeyEndsWhatItEncrypted drops the key of a token, and puts the key back.
func TestDroppedKeyEndsWhatItEncrypted(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, token.ES256), newKey(t, token.ES256)
	inForce := keystest.Of(t, first)
	authority := newAuthority(t, config(), inForce)
	raw, claims, err := authority.IssueSession(person())
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		keys    []*token.Key
		wantErr error
	}{
		"signs":     {[]*token.Key{first, second}, nil},
		"previous":  {[]*token.Key{second, first}, nil},
		"dropped":   {[]*token.Key{second}, token.ErrUnknownKey},
		"came back": {[]*token.Key{second, first}, nil},
	} {
		inForce.Set(keystest.Of(t, row.keys[0], row.keys[1:]...).KeySet())
		if _, err := authority.VerifySession(raw); !errors.Is(err, row.wantErr) {
			t.Errorf("%s: got %v, want %v", name, err, row.wantErr)
		}
		if err := authority.Recheck(&claims); !errors.Is(err, row.wantErr) {
			t.Errorf("%s, kept: got %v, want %v", name, err, row.wantErr)
		}
	}
}

// TestSizeOfEncryptedToken issues tokens up to the limit, and one beyond it.
func TestSizeOfEncryptedToken(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, config(), keystest.Of(t, newKey(t, token.EdDSA)))
	longest := 0
	for size := 0; size < token.MaxSize; size += 64 {
		claims := person()
		claims.Attributes = map[string]any{"name": strings.Repeat("n", size)}
		raw, _, err := authority.IssueSession(claims)
		if errors.Is(err, token.ErrTooLarge) {
			continue
		}
		if err != nil || len(raw) > token.MaxSize {
			t.Fatalf("%d bytes of a name: a token of %d, %v", size, len(raw), err)
		}
		if _, err := authority.VerifySession(raw); err != nil {
			t.Errorf("a token of %d bytes: %v", len(raw), err)
		}
		longest = max(longest, len(raw))
	}
	if longest < token.MaxSize-200 {
		t.Errorf("the longest token has %d bytes", longest)
	}
}

// TestReread reads stored tokens whose time is over, with and without their key.
func TestReread(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, token.ES256), newKey(t, token.ES256)
	inForce := keystest.Of(t, first)
	c := config()
	plain := newAuthority(t, c, inForce)
	c.Encrypted = true
	encrypted := newAuthority(t, c, inForce)
	session, _, err := plain.IssueSession(person())
	if err != nil {
		t.Fatal(err)
	}
	c.Now = func() time.Time { return noon.AddDate(1, 0, 0) }
	later := newAuthority(t, c, inForce)
	for _, row := range []struct {
		name, raw string
		key       *token.Key
		wantErr   error
	}{
		{"a session token", session, first, nil},
		{"an encrypted access token", issueAccess(t, encrypted), first, nil},
		{"a signed access token", issueAccess(t, plain), first, nil},
		{"a session token without its key", session, second, token.ErrUnknownKey},
		{"a signed access token without its key", issueAccess(t, plain), second, nil},
		{"no token", "no token", first, token.ErrMalformed},
	} {
		inForce.Set(keystest.Of(t, row.key).KeySet())
		claims, err := later.Reread(row.raw)
		if !errors.Is(err, row.wantErr) {
			t.Errorf("%s: got %v, want %v", row.name, err, row.wantErr)
		}
		if err == nil && (claims.ACR != person().ACR || !cmp.Equal(claims.Attributes, person().Attributes)) {
			t.Errorf("%s: got %+v", row.name, claims)
		}
	}
}
