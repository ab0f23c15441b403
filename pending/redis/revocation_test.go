package redis_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/pending/redis"
)

func revoke(t testing.TB, s pending.Store, id string) {
	t.Helper()
	v := pending.Revocation{Scope: pending.ScopeLogin, ID: id, Until: time.Now().Add(time.Hour)}
	if err := s.Revoke(t.Context(), v); err != nil {
		t.Fatalf("revoking: %v", err)
	}
}

func wantRevoked(t testing.TB, s pending.Store, id string, want bool) {
	t.Helper()
	got, err := s.Revoked(t.Context(), pending.Credential{Login: id})
	if err != nil || got != want {
		t.Errorf("%s: Revoked = %t, %v, want %t", id, got, err, want)
	}
}

// TestNewReplicaKnowsAllRevocations: however many there are, before it answers at all.
func TestNewReplicaKnowsAllRevocations(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	first := open(t, config(s.address))
	const revocations = 450 // more than two pages
	for i := range revocations {
		revoke(t, first, strconv.Itoa(i))
	}
	second := open(t, config(s.address))
	for i := range revocations {
		wantRevoked(t, second, strconv.Itoa(i), true)
	}
	wantRevoked(t, second, "another", false)
}

// TestRevocationsSurviveTheServer: a server that lost its data gets back what the
// replicas know, so that one which is started afterwards refuses, too.
func TestRevocationsSurviveTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	log := newJournal()
	c := config(s.address)
	c.Logger = log.logger()
	veteran := open(t, c)
	const revocations = 250 // more than one page
	for i := range revocations {
		revoke(t, veteran, strconv.Itoa(i))
	}
	s.kill()
	log.await(t, lost)
	s.restart(t)
	log.await(t, back)
	wantRevoked(t, veteran, "0", true)
	recruit := open(t, config(s.address))
	for i := range revocations {
		wantRevoked(t, recruit, strconv.Itoa(i), true)
	}
}

// TestRevocationsSurviveAFlush: the server stays, but its data goes, and another
// revocation comes before anybody looked.
func TestRevocationsSurviveAFlush(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	first, second := open(t, config(s.address)), open(t, config(s.address))
	revoke(t, first, "old")
	do(t, admin(t, s.address), "FLUSHALL")
	revoke(t, second, "new")
	awaitRevoked(t, first, "new")
	recruit := open(t, config(s.address))
	wantRevoked(t, recruit, "old", true)
	wantRevoked(t, recruit, "new", true)
}

// awaitRevoked waits until a replica knows of a revocation.
func awaitRevoked(t testing.TB, s pending.Store, id string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; {
		if got, _ := s.Revoked(t.Context(), pending.Credential{Login: id}); got {
			return
		}
		_, _ = s.Len(t.Context()) // a call to the server, instead of a sleep
	}
	t.Fatalf("%s is not known", id)
}

// TestUnreadableRevocationRefusesAll: whom it refuses nobody knows, so nobody is let in.
// It is what a replica with another secret sees.
func TestUnreadableRevocationRefusesAll(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	revoke(t, open(t, config(s.address)), "somebody")
	log := newJournal()
	c := config(s.address)
	c.Secret = []byte("another secret that is long enough")
	c.Logger = log.logger()
	other := open(t, c)
	_, err := other.Revoked(t.Context(), pending.Credential{Login: "somebody else"})
	if !errors.Is(err, pending.ErrUnavailable) || !errors.Is(err, redis.ErrUnreadable) {
		t.Errorf("Revoked: %v, want %v and %v", err, pending.ErrUnavailable, redis.ErrUnreadable)
	}
	log.await(t, "cannot open")
	wantUnavailable(t, other)
}
