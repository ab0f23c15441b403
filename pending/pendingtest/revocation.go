package pendingtest

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

func revocations() []scenario {
	return []scenario{
		{"nothing is revoked at first", nothingRevoked},
		{"a revocation reaches its scope and no other", revokesScope},
		{"a person's tokens of that second and before are refused", revokesIssuedUntil},
		{"a second revocation only adds to the first", revokesMore},
		{"a revocation of nothing is refused", revokesNothing},
		{"a revocation that is over revokes nothing", revokesInThePast},
	}
}

// revoke refuses tokens for an hour, unless v says until when.
func revoke(t *testing.T, h Harness, v pending.Revocation) {
	t.Helper()
	if v.Until.IsZero() {
		v.Until = h.Now().Add(time.Hour)
	}
	if err := h.Store.Revoke(t.Context(), v); err != nil {
		t.Fatalf("revoking: %v", err)
	}
}

// wantRevoked asks for a credential.
func wantRevoked(t *testing.T, h Harness, what string, c pending.Credential, want bool) {
	t.Helper()
	got, err := h.Store.Revoked(t.Context(), c)
	if err != nil || got != want {
		t.Errorf("%s: Revoked = %t, %v, want %t", what, got, err, want)
	}
}

func nothingRevoked(t *testing.T, h Harness) {
	wantRevoked(t, h, "empty", pending.Credential{}, false)
	wantRevoked(t, h, "full", pending.Credential{TokenID: "x", Login: "x", Subject: "x", IssuedAt: h.Now()}, false)
}

func revokesScope(t *testing.T, h Harness) {
	revoke(t, h, pending.Revocation{Scope: pending.ScopeToken, ID: "token"})
	revoke(t, h, pending.Revocation{Scope: pending.ScopeLogin, ID: "login"})
	revoke(t, h, pending.Revocation{Scope: pending.ScopeSubject, ID: "subject"})
	for what, row := range map[string]struct {
		credential pending.Credential
		want       bool
	}{
		"the token":           {pending.Credential{TokenID: "token", Login: "x", Subject: "x"}, true},
		"the login":           {pending.Credential{TokenID: "x", Login: "login", Subject: "x"}, true},
		"the subject":         {pending.Credential{TokenID: "x", Login: "x", Subject: "subject"}, true},
		"others":              {pending.Credential{TokenID: "x", Login: "y", Subject: "z"}, false},
		"each under another":  {pending.Credential{TokenID: "login", Login: "subject", Subject: "token"}, false},
		"another spelling":    {pending.Credential{TokenID: "Token", Login: "login ", Subject: "subjec"}, false},
		"nothing to refer to": {pending.Credential{}, false},
	} {
		row.credential.IssuedAt = h.Now().Add(time.Minute)
		wantRevoked(t, h, what, row.credential, row.want)
	}
}

func revokesIssuedUntil(t *testing.T, h Harness) {
	second := h.Now().Truncate(time.Second)
	revoke(t, h, pending.Revocation{Scope: pending.ScopeSubject, ID: "subject", IssuedUntil: second.Add(500 * time.Millisecond)})
	for what, row := range map[string]struct {
		issued time.Time
		want   bool
	}{
		"an hour before":        {second.Add(-time.Hour), true},
		"in that second":        {second, true},
		"at its end":            {second.Add(time.Second - time.Nanosecond), true},
		"in the next second":    {second.Add(time.Second), false},
		"at no time we know of": {time.Time{}, true},
		"an hour after":         {second.Add(time.Hour), false},
	} {
		wantRevoked(t, h, what, pending.Credential{Subject: "subject", IssuedAt: row.issued}, row.want)
	}
}

func revokesMore(t *testing.T, h Harness) {
	now := h.Now().Truncate(time.Second)
	token := pending.Credential{Subject: "subject", IssuedAt: now}
	until := func(issued time.Time) pending.Revocation {
		return pending.Revocation{Scope: pending.ScopeSubject, ID: "subject", IssuedUntil: issued}
	}
	revoke(t, h, until(now.Add(-time.Minute)))
	wantRevoked(t, h, "issued after the first", token, false)
	revoke(t, h, until(now))
	wantRevoked(t, h, "issued before the second", token, true)
	revoke(t, h, until(now.Add(-time.Minute)))
	wantRevoked(t, h, "after an earlier one again", token, true)
	revoke(t, h, until(time.Time{}))
	token.IssuedAt = now.Add(time.Hour)
	wantRevoked(t, h, "whenever issued", token, true)
	revoke(t, h, until(now))
	wantRevoked(t, h, "still whenever issued", token, true)
}

func revokesNothing(t *testing.T, h Harness) {
	until := h.Now().Add(time.Hour)
	for what, v := range map[string]pending.Revocation{
		"no scope":      {ID: "x", Until: until},
		"unknown scope": {Scope: 200, ID: "x", Until: until},
		"no ID":         {Scope: pending.ScopeToken, Until: until},
	} {
		if err := h.Store.Revoke(t.Context(), v); !errors.Is(err, pending.ErrInvalid) {
			t.Errorf("%s: %v, want %v", what, err, pending.ErrInvalid)
		}
	}
	wantRevoked(t, h, "empty", pending.Credential{}, false)
}

func revokesInThePast(t *testing.T, h Harness) {
	past := h.Now().Add(-time.Second)
	revoke(t, h, pending.Revocation{Scope: pending.ScopeToken, ID: "a", Until: past})
	wantRevoked(t, h, "over already", pending.Credential{TokenID: "a"}, false)
	revoke(t, h, pending.Revocation{Scope: pending.ScopeToken, ID: "b"})
	revoke(t, h, pending.Revocation{Scope: pending.ScopeToken, ID: "b", Until: past})
	wantRevoked(t, h, "shortened", pending.Credential{TokenID: "b"}, true)
}
