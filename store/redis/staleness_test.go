package redis_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestCredentialsCountWhileRedisIsUnavailable: for as long as the configuration says, credentials are
// checked against what is known. Everything else is refused as before: nothing may be issued by an old
// copy.
func TestCredentialsCountWhileRedisIsUnavailable(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Staleness = redis.MaxStaleness
	st := open(t, c)
	revoke(t, st, "revoked")
	s.Kill()
	redistest.Until(t, "the copy is too old to issue by", func() bool {
		_, err := st.Mark(t.Context())
		return errors.Is(err, store.ErrUnavailable)
	})
	for name, call := range calls(st) {
		if err := call(t.Context()); name != "Revoked" && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	for login, want := range map[string]bool{"revoked": true, "other": false} {
		if got, err := st.Revoked(t.Context(), store.Credential{Login: login}); got != want || err != nil {
			t.Errorf("Revoked(%s) = %t, %v, want %t", login, got, err, want)
		}
	}
}

// TestRevocationCoversWhatAStaleReplicaIssues: a replica that does not know yet may make an upstream
// token from a cookie of the subject, with a time after the revocation. That token is refused too, on
// every replica, until its end.
func TestRevocationCoversWhatAStaleReplicaIssues(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Staleness = redis.MaxStaleness
	revoker, other := open(t, c), open(t, c)
	now := time.Now()
	err := revoker.Revoke(t.Context(), store.Revocation{
		Scope: store.ScopeSubject, ID: "subject", IssuedUntil: now, Until: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	late := store.Credential{Subject: "subject", IssuedAt: now.Add(redis.MaxStaleness - store.MaxStaleness)}
	for name, st := range map[string]*redis.Store{"the replica that revoked": revoker, "another": other} {
		redistest.Until(t, name+" refuses", func() bool {
			revoked, err := st.Revoked(t.Context(), late)
			return revoked && err == nil
		})
	}
	late.IssuedAt = late.IssuedAt.Add(2 * time.Second)
	if revoked, err := revoker.Revoked(t.Context(), late); revoked || err != nil {
		t.Errorf("a token of after that: revoked = %t, %v", revoked, err)
	}
}
