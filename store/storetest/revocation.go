package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func revocations() []scenario {
	return []scenario{
		{"nothing is revoked at first", nothingRevoked},
		{"a revocation reaches its scope and no other", revokesScope},
		{"a person's tokens of that second and before are refused", revokesIssuedUntil},
		{"a second revocation only adds to the first", revokesMore},
		{"a login that began after a revocation is not refused", sparesLater},
		{"a revocation in force can be confirmed", confirms},
		{"a revocation of nothing is refused", revokesNothing},
		{"a revocation that is over revokes nothing", revokesInThePast},
	}
}

// revoke refuses tokens for an hour, unless v has an end.
func revoke(t *testing.T, h Harness, v store.Revocation) {
	t.Helper()
	if v.Until.IsZero() {
		v.Until = h.Now().Add(time.Hour)
	}
	if err := h.Store.Revoke(t.Context(), v); err != nil {
		t.Fatalf("revoking: %v", err)
	}
}

// wantRevoked compares the answer for a credential.
func wantRevoked(t *testing.T, h Harness, what string, c store.Credential, want bool) {
	t.Helper()
	got, err := h.Store.Revoked(t.Context(), c)
	if err != nil || got != want {
		t.Errorf("%s: Revoked = %t, %v, want %t", what, got, err, want)
	}
}

func nothingRevoked(t *testing.T, h Harness) {
	wantRevoked(t, h, "empty", store.Credential{}, false)
	wantRevoked(t, h, "full", store.Credential{TokenID: "x", Login: "x", Subject: "x", IssuedAt: h.Now()}, false)
}

func revokesScope(t *testing.T, h Harness) {
	revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: "token"})
	revoke(t, h, store.Revocation{Scope: store.ScopeLogin, ID: "login"})
	revoke(t, h, store.Revocation{Scope: store.ScopeSubject, ID: "subject"})
	for what, row := range map[string]struct {
		credential store.Credential
		want       bool
	}{
		"the token":           {store.Credential{TokenID: "token", Login: "x", Subject: "x"}, true},
		"the login":           {store.Credential{TokenID: "x", Login: "login", Subject: "x"}, true},
		"the subject":         {store.Credential{TokenID: "x", Login: "x", Subject: "subject"}, true},
		"others":              {store.Credential{TokenID: "x", Login: "y", Subject: "z"}, false},
		"each under another":  {store.Credential{TokenID: "login", Login: "subject", Subject: "token"}, false},
		"another spelling":    {store.Credential{TokenID: "Token", Login: "login ", Subject: "subjec"}, false},
		"nothing to refer to": {store.Credential{}, false},
	} {
		row.credential.IssuedAt = h.Now().Add(time.Minute)
		wantRevoked(t, h, what, row.credential, row.want)
	}
}

func revokesIssuedUntil(t *testing.T, h Harness) {
	second := h.Now().Truncate(time.Second)
	revoke(t, h, store.Revocation{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: second.Add(500 * time.Millisecond)})
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
		wantRevoked(t, h, what, store.Credential{Subject: "subject", IssuedAt: row.issued}, row.want)
	}
}

func revokesMore(t *testing.T, h Harness) {
	now := h.Now().Truncate(time.Second)
	token := store.Credential{Subject: "subject", IssuedAt: now}
	until := func(issued time.Time) store.Revocation {
		return store.Revocation{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: issued}
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

// markAfter returns a mark that includes all revocations. A store may learn of them a moment later.
func markAfter(t *testing.T, h Harness, before string) string {
	t.Helper()
	for begin := time.Now(); ; {
		mark, err := h.Store.Mark(t.Context())
		switch {
		case err != nil:
			t.Fatalf("marking: %v", err)
		case mark != before:
			return mark
		case time.Since(begin) > time.Minute:
			t.Fatal("the mark does not change")
		}
		// A call to the server, instead of a sleep.
		_, _ = h.Store.Len(t.Context())
	}
}

// sparesLater revokes up to a minute ahead, as far as clocks may differ. The marks show which logins began
// before and after.
func sparesLater(t *testing.T, h Harness) {
	v := store.Revocation{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: h.Now().Add(time.Minute)}
	marked := func(mark string) store.Credential {
		return store.Credential{Subject: "subject", IssuedAt: h.Now(), Mark: mark}
	}
	start, err := h.Store.Mark(t.Context())
	if err != nil || start != "" {
		t.Errorf("at first the mark is %q, %v", start, err)
	}
	revoke(t, h, v)
	first := markAfter(t, h, start)
	wantRevoked(t, h, "before the first", marked(start), true)
	wantRevoked(t, h, "after the first", marked(first), false)
	wantRevoked(t, h, "of another list", marked("AAAAAAAA"+first[store.EpochSize:]), true)
	for _, malformed := range []string{first[:store.EpochSize], first[:len(first)-1], first + "!", "x"} {
		wantRevoked(t, h, "marked "+malformed, marked(malformed), true)
	}
	for _, scope := range []store.Scope{store.ScopeToken, store.ScopeLogin} {
		revoke(t, h, store.Revocation{Scope: scope, ID: "id"})
	}
	v.IssuedUntil = v.IssuedUntil.Add(time.Second)
	revoke(t, h, v)
	second := markAfter(t, h, first)
	wantRevoked(t, h, "before the second", marked(first), true)
	wantRevoked(t, h, "after the second", marked(second), false)
	wantRevoked(t, h, "a token, whatever its mark", store.Credential{TokenID: "id", Mark: second}, true)
	wantRevoked(t, h, "a login, whatever its mark", store.Credential{Login: "id", Mark: second}, true)
}

func confirms(t *testing.T, h Harness) {
	v := store.Revocation{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: h.Now()}
	revoke(t, h, v)
	for what, confirmed := range map[string]store.Revocation{
		"the one in force":   {Scope: v.Scope, ID: v.ID},
		"of another subject": {Scope: v.Scope, ID: "other"},
		"of another scope":   {Scope: store.ScopeLogin, ID: v.ID},
	} {
		if err := h.Store.Confirm(t.Context(), confirmed); err != nil {
			t.Errorf("%s: confirming: %v", what, err)
		}
	}
	wantRevoked(t, h, "the subject", store.Credential{Subject: "subject", IssuedAt: v.IssuedUntil}, true)
	wantRevoked(t, h, "later tokens", store.Credential{Subject: "subject", IssuedAt: v.IssuedUntil.Add(time.Minute)}, false)
	wantRevoked(t, h, "another subject", store.Credential{Subject: "other"}, false)
	wantRevoked(t, h, "a login of that name", store.Credential{Login: "subject"}, false)
}

func revokesNothing(t *testing.T, h Harness) {
	until := h.Now().Add(time.Hour)
	for what, v := range map[string]store.Revocation{
		"no scope":      {ID: "x", Until: until},
		"unknown scope": {Scope: 200, ID: "x", Until: until},
		"no ID":         {Scope: store.ScopeToken, Until: until},
	} {
		if err := h.Store.Revoke(t.Context(), v); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want %v", what, err, store.ErrInvalid)
		}
	}
	wantRevoked(t, h, "empty", store.Credential{}, false)
}

func revokesInThePast(t *testing.T, h Harness) {
	past := h.Now().Add(-time.Second)
	revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: "a", Until: past})
	wantRevoked(t, h, "over already", store.Credential{TokenID: "a"}, false)
	revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: "b"})
	revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: "b", Until: past})
	wantRevoked(t, h, "shortened", store.Credential{TokenID: "b"}, true)
}
