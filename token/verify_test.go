package token_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// fixedAuthority signs with the key of RFC 8037, so that the same claims give the same token in every run and the
// fuzzer's corpus stays good.
func fixedAuthority(t testing.TB) (*token.Authority, *token.Key) {
	t.Helper()
	key, err := token.ParseKey([]byte(rfc8037), token.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return newAuthority(t, config(), keystest.Of(t, key, newKey(t, token.ES256))), key
}

// issueAll returns some tokens, first those of apps. The second half is of browsers.
func issueAll(t testing.TB, authority *token.Authority) []string {
	t.Helper()
	var access, session []string
	for _, attributes := range []map[string]any{nil, person().Attributes, {"name": "x"}} {
		claims := person()
		claims.ID, claims.Attributes = "login.1", attributes
		raw, _, err := authority.IssueAccess(claims)
		if err != nil {
			t.Fatal(err)
		}
		access = append(access, raw)
		if raw, _, err = authority.IssueSession(claims); err != nil {
			t.Fatal(err)
		}
		session = append(session, raw)
	}
	return append(access, session...)
}

// edited returns a text with some bytes replaced.
func edited(text string, at, cut uint16, put string) string {
	from := min(int(at), len(text))
	return text[:from] + put + text[min(from+int(cut), len(text)):]
}

// FuzzVerify changes good tokens and makes up others. Whatever is accepted must be, byte for byte, what was issued,
// and of the kind that was issued. An encrypted token is another one in each process of the fuzzer, so that its corpus
// has the changes alone.
func FuzzVerify(f *testing.F) {
	authority, key := fixedAuthority(f)
	issued := issueAll(f, authority)
	for i, raw := range issued {
		f.Add(uint8(i), uint16(0), uint16(0), "")
		f.Add(uint8(i), uint16(strings.Index(raw, ".")), uint16(1), "..")
		f.Add(uint8(i), uint16(len(raw)-1), uint16(1), "")
	}
	for _, header := range []string{goodHeader(key), `{"alg":"none"}`, `{}`} {
		f.Add(uint8(0), uint16(0), uint16(math.MaxUint16), encode(header)+"."+encode(goodPayload)+".")
	}
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, put string) {
		raw := edited(issued[int(which)%len(issued)], at, cut, put)
		found := slices.Index(issued, raw)
		ours, isAccess := found >= 0, found < len(issued)/2
		access, err := authority.VerifyAccess(raw)
		if (err == nil) != (ours && isAccess) || (access == nil) != (err != nil) {
			t.Errorf("as access token: %v, issued %t as access token %t", err, ours, isAccess)
		}
		session, err := authority.VerifySession(raw)
		if (err == nil) != (ours && !isAccess) || (session == nil) != (err != nil) {
			t.Errorf("as session token: %v, issued %t as access token %t", err, ours, isAccess)
		}
	})
}

// FuzzSignedPayload signs any payload with our own key. An accepted payload has our claims, and can
// be issued again, as happens when an access token is made from a browser's login.
func FuzzSignedPayload(f *testing.F) {
	authority, key := fixedAuthority(f)
	f.Add(goodPayload)
	f.Add(strings.Replace(goodPayload, `"exp":1773922500`, `"exp":1e300`, 1))
	f.Add(strings.Replace(goodPayload, `"sub"`, `"SUB"`, 1))
	f.Add(strings.Replace(goodPayload, `"exp":1773922500`, `"exp":1773900000`, 1))
	f.Add(strings.Replace(goodPayload, `"sub":"`, `"sub":"","was":"`, 1))
	f.Add(`{"iss":1}`)
	f.Fuzz(func(t *testing.T, payload string) {
		claims, err := authority.VerifyAccess(forge(t, key, goodHeader(key), payload))
		if err != nil {
			return
		}
		if claims.Issuer != issuer || claims.Subject == "" || claims.Login() == "" || claims.KeyID != key.ID() {
			t.Fatalf("accepted %+v", claims)
		}
		if !claims.ExpiresAt.After(noon.Add(-token.Skew)) || claims.IssuedAt.After(noon.Add(token.Skew)) {
			t.Fatalf("accepted outside its time: %+v", claims)
		}
		if _, _, err := authority.IssueAccess(*claims); err != nil && !errors.Is(err, token.ErrExpired) {
			t.Fatalf("accepted and cannot be issued: %v", err)
		}
	})
}

// TestGarbageIsCheap bounds what a refusal allocates: garbage comes in floods. It is not parallel, so that no other test
// else's allocations count.
func TestGarbageIsCheap(t *testing.T) {
	authority, key := fixedAuthority(t)
	for name, row := range garbage(key) {
		allocations := testing.AllocsPerRun(100, func() {
			if _, err := authority.VerifyAccess(row.raw); !errors.Is(err, row.wantErr) {
				t.Errorf("%s: got %v, want %v", name, err, row.wantErr)
			}
		})
		most := 40.0
		if errors.Is(row.wantErr, token.ErrDecryption) {
			most = 160 // it costs a third of a signature check
		}
		if allocations > most {
			t.Errorf("%s: %.0f allocations", name, allocations)
		}
	}
}

// garbage is 8 KiB each of what is refused without checking a signature, and more than that. The error
// says how far it came.
func garbage(key *token.Key) map[string]struct {
	raw     string
	wantErr error
} {
	fill := func(start, end string) string {
		return start + strings.Repeat("A", token.MaxSize-len(start)-len(end)) + end
	}
	stranger := strings.Replace(goodHeader(key), key.ID(), strings.Repeat("x", 43), 1)
	long := strings.Replace(goodHeader(key), key.ID(), strings.Repeat("x", token.MaxSize/2), 1)
	good := encode(goodHeader(key)) + "."
	signature := "." + strings.Repeat("A", 86)
	encrypted := encode(jweHeader(key, "at+jwt"))
	wrapped, iv, tag := "."+strings.Repeat("A", 54), "."+strings.Repeat("A", 16)+".", "."+strings.Repeat("A", 22)
	return map[string]struct {
		raw     string
		wantErr error
	}{
		"letters":                    {fill("", ""), token.ErrMalformed},
		"dots":                       {strings.Repeat(".", token.MaxSize), token.ErrMalformed},
		"a header of nothing":        {fill("", ".AAAA.AAAA"), token.ErrMalformed},
		"a long header":              {encode(long) + ".AAAA.AAAA", token.ErrMalformed},
		"a long signature":           {fill(good+"AAAA.", ""), token.ErrMalformed},
		"an unknown key":             {fill(encode(stranger)+".", ".AAAA"), token.ErrUnknownKey},
		"a payload in error":         {fill(good, "!"+signature), token.ErrMalformed},
		"a payload that is too long": {fill(good, "") + signature, token.ErrTooLarge},
		"a JWE of an unknown key":    {fill(encode(strings.Replace(jweHeader(key, "at+jwt"), key.ID(), strings.Repeat("x", 43), 1))+wrapped+iv, tag), token.ErrUnknownKey},
		"a JWE with a long key":      {fill(encrypted+wrapped, iv+"AAAA"+tag), token.ErrMalformed},
		"a JWE in error":             {fill(encrypted+wrapped+iv, "!"+tag), token.ErrMalformed},
		"a JWE that does not open":   {fill(encrypted+wrapped+iv, tag), token.ErrDecryption},
	}
}

// TestTimeOfKeptClaims looks at the clock before and after the time of a token. Claims that were verified before are as
// good as their token is, to the second.
func TestTimeOfKeptClaims(t *testing.T) {
	t.Parallel()
	now := noon
	c := config()
	c.Now = func() time.Time { return now }
	authority := newAuthority(t, c, keystest.Of(t, newKey(t, token.EdDSA)))
	raw := issueAccess(t, authority)
	kept, err := authority.VerifyAccess(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		now     time.Time
		wantErr error
	}{
		{"a clock that is behind", kept.IssuedAt.Add(-token.Skew), nil},
		{"a clock that is too far behind", kept.IssuedAt.Add(-token.Skew - time.Nanosecond), token.ErrNotYetValid},
		{"its last moment", kept.ExpiresAt.Add(token.Skew - time.Nanosecond), nil},
		{"its end", kept.ExpiresAt.Add(token.Skew), token.ErrExpired},
	} {
		now = row.now
		if _, err := authority.VerifyAccess(raw); !errors.Is(err, row.wantErr) {
			t.Errorf("%s: got %v, want %v", row.name, err, row.wantErr)
		}
		if err := authority.Recheck(kept); !errors.Is(err, row.wantErr) {
			t.Errorf("%s, kept: got %v, want %v", row.name, err, row.wantErr)
		}
	}
}
