package redis_test

import (
	"errors"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
// revocation comes before anybody looked.
func TestRevocationsSurviveAFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	first, second := open(t, config(s.Address)), open(t, config(s.Address))
	const revocations = 250 // more than one page
	for i := range revocations {
		revoke(t, first, strconv.Itoa(i))
	}
	do(t, admin(t, s.Address), "FLUSHALL")
	revoke(t, second, "new")
	awaitRevoked(t, first, "new")
	recruit := open(t, config(s.Address))
	wantRevoked(t, recruit, "new", true)
	for i := range revocations {
		wantRevoked(t, recruit, strconv.Itoa(i), true)
	}
}

// TestRevocationsSurviveAFailover: a server is promoted that lacks the last ones, which
// a replica has read already. The next ones must not look as if it had read them, too.
func TestRevocationsSurviveAFailover(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	reader, writer := open(t, config(s.Address)), open(t, config(s.Address))
	for _, id := range []string{"a", "b", "c"} {
		revoke(t, writer, id)
	}
	awaitRevoked(t, reader, "c")
	do(t, admin(t, s.Address), "ZREMRANGEBYRANK", "{itsme:default}:revoked:log", "-2", "-1")
	revoke(t, writer, "d")
	awaitRevoked(t, reader, "d")
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

// TestListOfRevocationsIsSwept: what is over leaves it, and what is there already
// changes nothing, or every replica would read it again.
func TestListOfRevocationsIsSwept(t *testing.T) {
	t.Parallel()
	st, server, clock := steered(t)
	add := func(id string, lasts time.Duration) {
		v := store.Revocation{Scope: store.ScopeLogin, ID: id, Until: clock.Now().Add(lasts)}
		if err := st.Revoke(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	list := func() (log, until map[string]float64, names []string, epoch string) {
		log, err := server.SortedSet("{itsme:default}:revoked:log")
		until, err2 := server.SortedSet("{itsme:default}:revoked:until")
		names, err3 := server.HKeys("{itsme:default}:revoked")
		epoch, err4 := server.Get("{itsme:default}:revoked:epoch")
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		return maps.Clone(log), maps.Clone(until), names, epoch
	}
	add("short", time.Minute)
	add("long", time.Hour)
	log, _, _, epoch := list()
	add("long", time.Hour)
	again, _, _, _ := list()
	if diff := cmp.Diff(log, again); diff != "" || len(log) != 2 {
		t.Errorf("the log changed (-before +after):\n%s", diff)
	}
	clock.advance(2 * time.Minute)
	add("another", time.Hour)
	log, until, names, later := list()
	if len(log) != 2 || len(until) != 2 || len(names) != 2 {
		t.Errorf("%d in the log, %d with an end, %d sealed, want 2", len(log), len(until), len(names))
	}
	if later != epoch {
		t.Error("the list has another name")
	}
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
