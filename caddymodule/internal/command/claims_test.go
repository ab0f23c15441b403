package command

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnverifiedClaims(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for _, row := range []struct {
		name, raw string
		want      claims
		wantErr   error
	}{
		{"one audience", jwt(`{"iss":"https://a","aud":"https://b","exp":7}`), claims{Issuer: "https://a", Audience: "https://b", ExpiresAt: 7}, nil},
		{"two audiences", jwt(`{"aud":["b","c"]}`), claims{Audience: []any{"b", "c"}}, nil},
		{"a word", "garbage", claims{}, errNotToken},
		{"five parts, which are encrypted", "e30.e30.e30.e30.e30", claims{}, errNotToken},
		{"a payload that is no base64url", "e30.*.e30", claims{}, errNotToken},
		{"a payload that is no object", jwt(`[]`), claims{}, errNotToken},
		{"two objects", jwt(`{}{}`), claims{}, errNotToken},
		{"a time of nonsense", jwt(`{"exp":1e300}`), claims{}, errNotToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := unverifiedClaims(row.raw)
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if diff := cmp.Diff(row.want, got); err == nil && diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefreshTokensAreRecognised(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"abc~1~def": true, "abc~12~d-_f": true, "abc~x~def": false, "abc~1": false, "abc~1~d.f": false, "a.b.c": false, "": false,
	} {
		if isRefreshToken(raw) != want {
			t.Errorf("%q is a refresh token: %t", raw, !want)
		}
	}
}

func TestRelativeTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)
	for by, want := range map[time.Duration]string{
		5 * time.Minute: "in 5m0s", -5 * time.Minute: "5m0s ago", 1400 * time.Millisecond: "in 1s", 0: "in 0s",
	} {
		if got := relativeTime(now.Add(by), now); got != want {
			t.Errorf("%v: %q, want %q", by, got, want)
		}
	}
}
