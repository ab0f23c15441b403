package redis_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

func revoke(t testing.TB, s store.Store, id string) {
	t.Helper()
	v := store.Revocation{Scope: store.ScopeLogin, ID: id, Until: time.Now().Add(time.Hour)}
	if err := s.Revoke(t.Context(), v); err != nil {
		t.Fatalf("revoking: %v", err)
	}
}

func wantRevoked(t testing.TB, s store.Store, id string, want bool) {
	t.Helper()
	got, err := s.Revoked(t.Context(), store.Credential{Login: id})
	if err != nil || got != want {
		t.Errorf("%s: Revoked = %t, %v, want %t", id, got, err, want)
	}
}

// TestNewReplicaKnowsAllRevocations: however many there are, before it answers at all.
func TestNewReplicaKnowsAllRevocations(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	first := open(t, config(s.Address))
	const revocations = 450 // more than two pages
	for i := range revocations {
		revoke(t, first, strconv.Itoa(i))
	}
	second := open(t, config(s.Address))
	for i := range revocations {
		wantRevoked(t, second, strconv.Itoa(i), true)
	}
	wantRevoked(t, second, "another", false)
}

// TestRevocationsSurviveTheServer: a server that lost its data gets back what the
// replicas know, so that one which is started afterwards refuses, too.
func TestRevocationsSurviveTheServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := newLogCapture()
	c := config(s.Address)
	c.Logger = log.logger()
	veteran := open(t, c)
	const revocations = 250 // more than one page
	for i := range revocations {
		revoke(t, veteran, strconv.Itoa(i))
	}
	s.Kill()
	log.await(t, lost)
	s.Restart(t)
	log.await(t, back)
	wantRevoked(t, veteran, "0", true)
	recruit := open(t, config(s.Address))
	for i := range revocations {
		wantRevoked(t, recruit, strconv.Itoa(i), true)
	}
}

// TestRevocationsSurviveAFlush: the server stays, but its data goes, and another
// revocation comes before a replica looked.
func TestRevocationsSurviveAFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	first, second := open(t, config(s.Address)), open(t, config(s.Address))
	const revocations = 250 // more than one page
	for i := range revocations {
		revoke(t, first, strconv.Itoa(i))
	}
	server := admin(t, s.Address)
	do(t, server, "FLUSHALL")
	revoke(t, second, "new")
	awaitRevoked(t, first, "new")
	redistest.Until(t, "a replica says that it writes back", func() bool {
		n, err := do(t, server, "EXISTS", "{itsme:default:revoked:subjects}:restoring").ToInt64()
		return err == nil && n == 1
	})
	recruit := open(t, config(s.Address))
	wantRevoked(t, recruit, "new", true)
	for i := range revocations {
		wantRevoked(t, recruit, strconv.Itoa(i), true)
	}
}

// TestRevocationsAtOneInstant: the server's clock stands, and then goes back, and
// no replica misses a revocation.
func TestRevocationsAtOneInstant(t *testing.T) {
	t.Parallel()
	writer, server, clock := steered(t)
	c := config(server.Addr())
	c.Now = clock.Now
	reader := open(t, c)
	until := clock.Now().Add(time.Hour)
	for _, id := range []string{"a", "b", "c"} {
		if err := writer.Revoke(t.Context(), store.Revocation{Scope: store.ScopeLogin, ID: id, Until: until}); err != nil {
			t.Fatal(err)
		}
		awaitRevoked(t, reader, id)
		server.SetTime(clock.Now().Add(-time.Minute))
	}
}

// TestRevocationIsListedOnce: what is there already changes nothing, whichever replica adds it again, or
// every replica would read it again.
func TestRevocationIsListedOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	first, second := open(t, config(s.Address)), open(t, config(s.Address))
	v := store.Revocation{Scope: store.ScopeLogin, ID: "a", Until: time.Now().Add(time.Hour)}
	subject := store.Revocation{Scope: store.ScopeSubject, ID: "a", Until: time.Now().Add(time.Hour)}
	for _, st := range []*redis.Store{first, second, first} {
		for _, v := range []store.Revocation{v, subject} {
			if err := errors.Join(st.Revoke(t.Context(), v), st.Confirm(t.Context(), v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lists := listsOf(t, s)
	for _, key := range lists {
		if n, err := s.Do(t, "LLEN", key).ToInt64(); n != 1 || err != nil {
			t.Errorf("%s has %d entries, %v, want 1", key, n, err)
		}
	}
	if len(lists) != 2 {
		t.Errorf("the lists are %q, want one of logins and one of subjects", lists)
	}
}

// listsOf returns the keys of the lists of revocations.
func listsOf(t testing.TB, s *redistest.Server) []string {
	t.Helper()
	lists, err := s.Do(t, "KEYS", "*:list").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lists)
	return lists
}

// TestSegmentsExpire: revocations that end at different times are in different keys. Each goes by itself
// when all of it is over, and not before, although others are added all the time.
func TestSegmentsExpire(t *testing.T) {
	t.Parallel()
	st, server, clock := steered(t)
	add := func(id string, lasts time.Duration) {
		v := store.Revocation{Scope: store.ScopeLogin, ID: id, Until: clock.Now().Add(lasts)}
		if err := st.Revoke(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	lists := func() (count int) {
		for _, key := range server.Keys() {
			if strings.HasSuffix(key, ":list") {
				count++
			}
		}
		return count
	}
	for lasts, id := range map[time.Duration]string{
		30 * time.Minute: "minutes", 5 * time.Hour: "hours", 50 * time.Hour: "days",
		60 * 24 * time.Hour: "months", 1000 * 24 * time.Hour: "years",
	} {
		add(id, lasts)
	}
	wantLists := func(want int) {
		t.Helper()
		if got := lists(); got != want {
			t.Errorf("%d lists, want %d", got, want)
		}
	}
	wantLists(5)
	clock.advance(29 * time.Minute)
	wantRevoked(t, st, "minutes", true)
	clock.advance(3 * time.Hour)
	wantLists(4)
	wantRevoked(t, st, "minutes", false)
	wantRevoked(t, st, "hours", true)
	add("another", 50*time.Hour)
	clock.advance(5 * time.Hour)
	recruit := openAt(t, server.Addr(), clock)
	for id, want := range map[string]bool{"minutes": false, "hours": false, "days": true, "another": true, "months": true, "years": true} {
		wantRevoked(t, st, id, want)
		wantRevoked(t, recruit, id, want)
	}
	clock.advance(999 * 24 * time.Hour)
	wantRevoked(t, openAt(t, server.Addr(), clock), "years", true)
	wantLists(1)
	clock.advance(2 * 24 * time.Hour)
	wantLists(0)
}

// openAt opens a store that goes by a clock.
func openAt(t testing.TB, address string, clock *clock) *redis.Store {
	t.Helper()
	c := config(address)
	c.Now = clock.Now
	return open(t, c)
}

// awaitRevoked waits until a replica knows of a revocation.
func awaitRevoked(t testing.TB, s store.Store, id string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; {
		if got, _ := s.Revoked(t.Context(), store.Credential{Login: id}); got {
			return
		}
		_, _ = s.Len(t.Context()) // a call to the server, instead of a sleep
	}
	t.Fatalf("%s is not known", id)
}

// TestUnreadableRevocationRefusesAll: which token it refuses is unknown, so every token is refused.
// It is what a replica with another secret sees.
func TestUnreadableRevocationRefusesAll(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	revoke(t, open(t, config(s.Address)), "a login")
	log := newLogCapture()
	c := config(s.Address)
	c.Secret = []byte("another secret that is long enough")
	c.Logger = log.logger()
	other := open(t, c)
	_, err := other.Revoked(t.Context(), store.Credential{Login: "another login"})
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, redis.ErrUnreadable) {
		t.Errorf("Revoked: %v, want %v and %v", err, store.ErrUnavailable, redis.ErrUnreadable)
	}
	log.await(t, "cannot open")
	wantUnavailable(t, other)
}
